// A condition on documents' metadata, as a condition of SQL with parameters.
//
//   expression := term { "or" term };  term := factor { "and" factor }
//   factor     := "not" factor | "(" expression ")" | key comparison
//   comparison := ("=" | "!=" | "<" | "<=" | ">" | ">=") value | "in" "(" value { "," value } ")"
//                 | "exists"
//   value      := "text" | 'text' | number | true | false | bareword
// Keys are those of the metadata, and id, title, text, whose values are text even where a number is
// written. Numbers are compared with numbers and text with text: 7 is not "7", and neither is above
// the other. A list in the metadata matches when one of its elements does. A key that a document
// lacks matches nothing but "!=".
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace narabi::retrieve {

struct FilterSql {
  std::string condition;  // over the columns of `documents`, a ? for each parameter
  std::vector<std::variant<std::string, double, std::int64_t>> parameters;
};

// Throws InvalidArgument naming the place, what was expected and what was found.
FilterSql compile_filter(std::string_view expression);

}  // namespace narabi::retrieve
