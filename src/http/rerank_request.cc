#include "http/rerank_request.h"

#include "http/fields.h"
#include "http/http_error.h"

namespace narabi::http {
namespace {

std::string place(const char* field, std::size_t i) {
  return std::string(field) + "[" + std::to_string(i) + "]";
}

// The text of a document given as an object: `text`, or the values of `rank_fields` one after
// another.
std::string object_text(const Value& document, const std::vector<std::string>& rank_fields,
                        const std::string& field) {
  std::string text;
  for (const std::string& name : rank_fields) {
    const Value* value = document.find(name);
    if (value == nullptr) continue;
    if (!text.empty()) text += ' ';
    text += value->type == Value::Type::kString ? value->text : to_json(*value);
  }
  if (!rank_fields.empty() && !text.empty()) return text;
  const Value* value = document.find("text");
  if (value == nullptr || value->type != Value::Type::kString)
    wrong_field(field + ".text", "a string", value);
  return value->text;
}

void read_documents(const Fields& fields, std::size_t most, RerankRequest& out) {
  const Value& list = fields.required("documents", "an array of strings or objects");
  if (list.type != Value::Type::kArray)
    wrong_field("documents", "an array of strings or objects", &list);
  check_count(list.array.size(), most, "documents");
  std::vector<std::string> rank_fields;
  if (const Value* names = fields.find("rank_fields"))
    rank_fields = text_list(*names, "rank_fields", 100);
  bool objects = false;
  for (std::size_t i = 0; i < list.array.size(); ++i) {
    const Value& document = list.array[i];
    if (document.type == Value::Type::kString) {
      out.passages.push_back(document.text);
    } else if (document.type == Value::Type::kObject) {
      out.passages.push_back(object_text(document, rank_fields, place("documents", i)));
      objects = true;
    } else {
      wrong_field(place("documents", i), "a string or an object with `text`", &document);
    }
  }
  if (objects) out.documents = list.array;
}

void require_something(const RerankRequest& request, const char* field) {
  if (request.passages.empty())
    throw HttpError(400, "empty", std::string(field) + ": expected at least one, found none",
                    field);
  if (request.query.find_first_not_of(" \t\r\n") == std::string::npos)
    throw HttpError(400, "empty", "query: expected a text, found an empty one", "query");
}

void read_texts(const Fields& fields, std::size_t most, RerankRequest& out) {
  out.passages = text_list(fields.required("texts", "an array of strings"), "texts", most);
  out.return_documents = fields.flag("return_text", false);
  const auto direction = fields.optional_text("truncation_direction");
  if (direction && *direction != "right" && *direction != "Right")
    throw HttpError(422, "validation",
                    "truncation_direction: expected \"right\": passages are cut at their end",
                    "truncation_direction");
}

void read_top(const Fields& fields, const char* key, RerankRequest& out) {
  out.top_n = fields.count(key).value_or(0);
}

void read_common(const Fields& fields, RerankRequest& out) {
  out.model = fields.optional_text("model").value_or("");
  out.query = fields.text("query");
  out.raw_scores = fields.flag("raw_scores", false);
  out.calibrated = fields.flag("calibrated", false);
  out.truncate = fields.flag("truncate", true);
  if (out.shape == RerankShape::kVoyage) out.truncate &= fields.flag("truncation", true);
  out.max_passage = fields.flag("max_passage", false);
  out.details = fields.flag("return_details", false);
  out.keep = fields.count("keep").value_or(out.keep);
  if (out.keep == 0) throw HttpError(422, "validation", "keep: expected at least 1", "keep");
  if (out.raw_scores && out.calibrated)
    throw HttpError(422, "validation", "calibrated: cannot be combined with raw_scores",
                    "calibrated");
  out.timeout = fields.number("timeout");
  out.min_score = fields.number("min_score");
  if (out.min_score && out.shape == RerankShape::kWeaviate)
    throw HttpError(422, "validation", "min_score: this route answers with all documents",
                    "min_score");
}

}  // namespace

RerankRequest parse_rerank(std::string_view body, RerankShape shape, std::size_t max_documents) {
  const Value root = parse_json(body);
  const Fields fields(root);
  RerankRequest out;
  out.shape =
      shape == RerankShape::kJina && fields.find("texts") != nullptr ? RerankShape::kTei : shape;
  read_common(fields, out);
  if (out.shape == RerankShape::kTei) {
    read_texts(fields, max_documents, out);
    read_top(fields, "top_n", out);
    require_something(out, "texts");
    return out;
  }
  read_documents(fields, max_documents, out);
  read_top(fields, out.shape == RerankShape::kVoyage ? "top_k" : "top_n", out);
  out.return_documents = fields.flag("return_documents", out.shape == RerankShape::kJina);
  if (out.shape == RerankShape::kCohereV2) out.return_documents = false;
  require_something(out, "documents");
  return out;
}

}  // namespace narabi::http
