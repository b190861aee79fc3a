// /tokenize: `inputs` (TEI), `prompt` (vLLM), `content` (llama.cpp), or `query` and `passage`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace narabi::http {

enum class TokenizeShape { kTei, kVllm, kLlama, kPair };

struct TokenizeRequest {
  TokenizeShape shape = TokenizeShape::kTei;
  std::string model;
  std::vector<std::string> texts;  // kPair: query, passage
  bool special = true;
};

TokenizeRequest parse_tokenize(std::string_view body, std::size_t max_texts);

}  // namespace narabi::http
