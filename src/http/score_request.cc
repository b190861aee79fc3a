#include "http/score_request.h"

#include "http/fields.h"
#include "http/http_error.h"

namespace narabi::http {
namespace {

std::vector<std::string> one_or_many(const Fields& fields, const char* key, std::size_t most) {
  const Value& value = fields.required(key, "a string or an array of strings");
  if (value.type == Value::Type::kString) return {value.text};
  if (value.type != Value::Type::kArray)
    wrong_field(key, "a string or an array of strings", &value);
  auto texts = text_list(value, key, most);
  if (texts.empty())
    throw HttpError(400, "empty", std::string(key) + ": expected at least one, found none", key);
  return texts;
}

void read_common(const Fields& fields, PairsRequest& out) {
  out.model = fields.optional_text("model").value_or("");
  out.raw_scores = fields.flag("raw_scores", false);
  out.truncate = fields.flag("truncate", true);
  out.timeout = fields.number("timeout");
}

// ["query", "passage"] at `field`.
void add_pair(const Value& value, const std::string& field, PairsRequest& out) {
  if (value.type != Value::Type::kArray)
    wrong_field(field, "a pair [query, passage]: this model scores pairs", &value);
  const auto texts = text_list(value, field, 1000);
  if (texts.size() != 2)
    throw HttpError(422, "validation",
                    field + ": expected a pair [query, passage]: this model scores pairs; found " +
                        std::to_string(texts.size()) + " texts",
                    field);
  out.queries.push_back(texts[0]);
  out.passages.push_back(texts[1]);
}

}  // namespace

PairsRequest parse_score(std::string_view body, std::size_t max_pairs) {
  const Value root = parse_json(body);
  const Fields fields(root);
  PairsRequest out;
  read_common(fields, out);
  const bool newer = fields.find("queries") || fields.find("documents");  // vLLM's names
  const std::string queries_field = newer ? "queries" : "text_1";
  out.passages_field = newer ? "documents" : "text_2";
  out.queries = one_or_many(fields, queries_field.c_str(), max_pairs);
  out.passages = one_or_many(fields, out.passages_field, max_pairs);
  if (out.queries.size() != 1 && out.queries.size() != out.passages.size())
    throw HttpError(422, "validation",
                    queries_field + ": expected one text or as many as " + out.passages_field +
                        " (" + std::to_string(out.passages.size()) + "), found " +
                        std::to_string(out.queries.size()),
                    queries_field);
  return out;
}

PairsRequest parse_predict(std::string_view body, std::size_t max_pairs) {
  const Value root = parse_json(body);
  const Fields fields(root);
  PairsRequest out;
  read_common(fields, out);
  out.passages_field = "inputs";
  const Value& inputs = fields.required("inputs", "a pair [query, passage] or an array of them");
  if (inputs.type != Value::Type::kArray)
    wrong_field("inputs", "a pair [query, passage] or an array of them: this model scores pairs",
                &inputs);
  if (inputs.array.empty())
    throw HttpError(400, "empty", "inputs: expected at least one, found none", "inputs");
  out.nested = inputs.array[0].type == Value::Type::kArray;
  if (!out.nested) {
    add_pair(inputs, "inputs", out);
    return out;
  }
  check_count(inputs.array.size(), max_pairs, "inputs");
  for (std::size_t i = 0; i < inputs.array.size(); ++i)
    add_pair(inputs.array[i], "inputs[" + std::to_string(i) + "]", out);
  return out;
}

}  // namespace narabi::http
