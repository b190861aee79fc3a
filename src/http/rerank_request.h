// The rerank requests of TEI, Cohere, Jina, vLLM, llama.cpp, Voyage and Weaviate, read into one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/json_value.h"

namespace narabi::http {

enum class RerankShape {
  kTei,       // `texts`: a bare array of {index, score, text?}
  kJina,      // `documents`: {model, usage, results} with documents unless told otherwise
  kCohereV2,  // results without documents
  kVoyage,    // top_k; {object, data} with documents as text
  kWeaviate,  // {query, scores: [{document, score}]}, as given
};

struct RerankRequest {
  RerankShape shape = RerankShape::kJina;
  std::string model, query;
  std::vector<std::string> passages;
  std::vector<Value> documents;     // as given, where they were objects; else empty
  std::size_t top_n = 0;            // 0: all
  std::optional<double> min_score;  // results whose score, as answered, is below are left out
  bool return_documents = false;
  bool raw_scores = false;   // logits
  bool calibrated = false;   // the calibrated probability of the model folder
  bool truncate = true;      // false: an input that does not fit is an error
  bool max_passage = false;  // windows
  bool details = false;      // logit, tokens, truncated and stage of every result
  std::size_t keep = 20;     // cascade
  std::optional<double> timeout;
};

// `shape` is the route's; kJina becomes kTei when the body has `texts`. Throws HttpError.
RerankRequest parse_rerank(std::string_view body, RerankShape shape, std::size_t max_documents);

}  // namespace narabi::http
