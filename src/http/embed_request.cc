#include "http/embed_request.h"

#include "http/fields.h"
#include "http/http_error.h"

namespace narabi::http {
namespace {

void read_texts(const Fields& fields, const char* key, std::size_t most, EmbedRequest& out) {
  const Value& value = fields.required(key, "a string or an array of strings");
  if (value.type == Value::Type::kString) {
    out.texts = {value.text};
  } else if (value.type == Value::Type::kArray) {
    out.texts = text_list(value, key, most);
  } else {
    wrong_field(key, "a string or an array of strings", &value);
  }
  if (out.texts.empty())
    throw HttpError(400, "empty", std::string(key) + ": expected at least one, found none", key);
}

void read_common(const Fields& fields, EmbedRequest& out) {
  out.model = fields.optional_text("model").value_or("");
  out.prompt = fields.optional_text("prompt_name").value_or("");
  out.dimensions = fields.count("dimensions").value_or(0);
  out.truncate = fields.flag("truncate", true);
  out.timeout = fields.number("timeout");
}

}  // namespace

EmbedRequest parse_embed(std::string_view body, std::size_t max_texts) {
  const Value root = parse_json(body);
  const Fields fields(root);
  EmbedRequest out;
  read_common(fields, out);
  read_texts(fields, "inputs", max_texts, out);
  out.normalise = fields.flag("normalize", true);
  return out;
}

EmbedRequest parse_openai_embeddings(std::string_view body, std::size_t max_texts) {
  const Value root = parse_json(body);
  const Fields fields(root);
  EmbedRequest out;
  read_common(fields, out);
  read_texts(fields, "input", max_texts, out);
  const std::string format = fields.optional_text("encoding_format").value_or("float");
  if (format != "float" && format != "base64")
    throw HttpError(422, "validation", "encoding_format: expected \"float\" or \"base64\"",
                    "encoding_format");
  out.base64 = format == "base64";
  return out;
}

}  // namespace narabi::http
