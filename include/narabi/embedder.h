// Texts to vectors with a sentence-transformers folder.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narabi/options.h"

namespace narabi {

// Immutable and safe to share between threads.
class Embedder {
 public:
  // `folder`: modules.json with a Transformer (or StaticEmbedding) module, Pooling and optionally
  // Dense and Normalize; truncate_dim and prompts from config_sentence_transformers.json, beside
  // `prompts`, which come first: many folders (e5, ruri) name none of those that their model was
  // trained with. Throws Error.
  explicit Embedder(const std::string& folder, const ModelOptions& options = {},
                    const Prompts& prompts = {});
  ~Embedder();
  Embedder(Embedder&&) noexcept;
  Embedder& operator=(Embedder&&) noexcept;

  int dimension() const;
  int max_length() const;  // tokens of a text that are read; 0: all (some static tables)
  // The text put in front for `name` ("query" or "document"); empty where the folder names none.
  std::string prompt(std::string_view name) const;
  bool names_prompt(std::string_view name) const;  // the folder or the caller does, maybe as ""
  // texts.size() x dimension() floats, row by row. `prompt_name` empty: the folder's
  // default_prompt_name, if it has one. `truncated`, where it is given, says of each text
  // whether it was longer than the model reads.
  std::vector<float> embed(std::span<const std::string_view> texts,
                           std::string_view prompt_name = {},
                           std::vector<bool>* truncated = nullptr) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi
