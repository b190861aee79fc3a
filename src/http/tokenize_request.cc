#include "http/tokenize_request.h"

#include "http/fields.h"
#include "http/http_error.h"

namespace narabi::http {

TokenizeRequest parse_tokenize(std::string_view body, std::size_t max_texts) {
  const Value root = parse_json(body);
  const Fields fields(root);
  TokenizeRequest out;
  out.model = fields.optional_text("model").value_or("");
  if (fields.find("query") != nullptr || fields.find("passage") != nullptr) {
    out.shape = TokenizeShape::kPair;
    out.texts = {fields.text("query"), fields.text("passage")};
  } else if (fields.find("prompt") != nullptr) {
    out.shape = TokenizeShape::kVllm;
    out.texts = {fields.text("prompt")};
  } else if (fields.find("content") != nullptr) {
    out.shape = TokenizeShape::kLlama;
    out.texts = {fields.text("content")};
  } else {
    const Value& inputs = fields.required("inputs", "a string or an array of strings");
    out.texts = inputs.type == Value::Type::kString ? std::vector<std::string>{inputs.text}
                                                    : text_list(inputs, "inputs", max_texts);
    if (out.texts.empty())
      throw HttpError(400, "empty", "inputs: expected at least one, found none", "inputs");
  }
  out.special =
      fields.flag(out.shape == TokenizeShape::kLlama ? "add_special" : "add_special_tokens",
                  out.shape != TokenizeShape::kLlama);
  return out;
}

}  // namespace narabi::http
