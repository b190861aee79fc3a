// TEI's /embed and OpenAI's /v1/embeddings.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narabi::http {

struct EmbedRequest {
  std::string model, prompt;
  std::vector<std::string> texts;
  bool normalise = true;
  bool truncate = true;        // false: a text that does not fit is an error
  bool base64 = false;         // OpenAI's encoding_format
  std::size_t dimensions = 0;  // 0: all
  std::optional<double> timeout;
};

EmbedRequest parse_embed(std::string_view body, std::size_t max_texts);
EmbedRequest parse_openai_embeddings(std::string_view body, std::size_t max_texts);

}  // namespace narabi::http
