#include "engine/limits.h"

#include <algorithm>
#include <filesystem>

#include "checkpoint/config_file.h"
#include "narabi/error.h"

namespace narabi::engine {

int choose_max_length(const std::string& folder, int wanted, int positions, int usual) {
  if (wanted < 0 || wanted > positions) {
    throw InvalidArgument("max_length: expected 1 to " + std::to_string(positions) +
                          " (the positions of " + folder + "), found " + std::to_string(wanted));
  }
  if (wanted > 0) return wanted;
  const auto config = checkpoint::ConfigFile::empty(
      (std::filesystem::path(folder) / "tokenizer_config.json").string());
  // Written as 1e30 where there is none.
  const double limit = config.number("model_max_length", usual);
  if (limit < 1) {
    throw InvalidFormat(config.path() + ": model_max_length: expected 1 or more, found " +
                        std::to_string(limit));
  }
  return static_cast<int>(std::min<double>(std::min(usual, positions), limit));
}

void require_vocabulary(const std::string& folder, int tokenizer_ids, int embedding_rows) {
  if (tokenizer_ids <= embedding_rows) return;
  throw InvalidFormat(folder + ": the tokenizer gives ids up to " +
                      std::to_string(tokenizer_ids - 1) +
                      ", but the embedding matrix (config.json: vocab_size) has " +
                      std::to_string(embedding_rows) + " rows");
}

}  // namespace narabi::engine
