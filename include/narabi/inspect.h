// What a model folder holds, without running it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace narabi {

struct ModelSummary {
  std::string architecture;  // as in config.json, e.g. "ModernBertForSequenceClassification"
  int layers = 0;
  int hidden = 0;
  int intermediate = 0;
  int heads = 0;
  int vocabulary = 0;
  int max_positions = 0;
  std::string pooling;  // "cls" or "mean"
  std::string
      tokenizer;  // e.g. "Unigram (tokenizer.json)", "MeCab unidic-lite + WordPiece (vocab.txt)"
  std::string stored_as;  // dtype of the weights in the file: "f32", "f16", "bf16"
  std::int64_t parameters = 0;
  std::vector<std::pair<std::string, std::int64_t>>
      memory_bytes;                        // per precision: weights in memory
  std::vector<std::string> extra_tensors;  // in the file, not used by the model
  std::vector<std::string>
      unsupported;  // what narabi cannot do with this folder, with file and key
};

// Throws Error when the folder cannot be read at all; what can be read but not run is in
// `unsupported`.
ModelSummary inspect(const std::string& folder);

}  // namespace narabi
