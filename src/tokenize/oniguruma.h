// Regular expressions of tokenizer.json, which are Oniguruma's (its Ruby syntax), for ICU to read.
#pragma once

#include <string>
#include <string_view>

namespace narabi::tokenize {

// What ICU reads as Oniguruma reads `expression`. Throws Unsupported naming `where` for a construct
// that is not known to mean the same then.
std::string to_icu(std::string_view expression, const std::string& where);

}  // namespace narabi::tokenize
