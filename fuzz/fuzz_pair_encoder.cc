// Bytes as a pair of texts, through the tokenizers of golden folders of every kind: the length
// limit holds and every id is in the vocabulary.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "narabi/error.h"
#include "narabi/tokenizer.h"

namespace {

std::vector<std::unique_ptr<narabi::Tokenizer>> load() {
  std::vector<std::unique_ptr<narabi::Tokenizer>> tokenizers;
  for (const char* name : {"xlmr-xsmall-v1", "xlmr-spm-only", "bert-char-ipadic",
                           "bert-tokenizer-json", "modernbert-tiny-v2", "modernbert-small-v2"}) {
    tokenizers.push_back(std::make_unique<narabi::Tokenizer>(
        std::string(NARABI_SOURCE_DIR "/tests/golden/") + name));
  }
  return tokenizers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto tokenizers = load();
  if (size < 3) return 0;
  const narabi::Tokenizer& tokenizer = *tokenizers[data[0] % tokenizers.size()];
  const int max_length = 4 + data[1] % 60;
  const auto truncation =
      data[2] % 2 == 0 ? narabi::Truncation::kOnlySecond : narabi::Truncation::kLongestFirst;
  const std::string text(reinterpret_cast<const char*>(data + 3), size - 3);
  const std::size_t cut = text.size() / 3;
  // Half of the inputs are made well-formed, so that most of them get past the check.
  const auto side = [&](std::string part) {
    return data[2] % 4 < 2 ? narabi::base::replace_invalid_utf8(part) : part;
  };
  try {
    const narabi::Encoding encoding = tokenizer.encode_pair(
        side(text.substr(0, cut)), side(text.substr(cut)), max_length, truncation);
    if (encoding.input_ids.size() > static_cast<std::size_t>(max_length)) std::abort();
    for (const std::int32_t id : encoding.input_ids) {
      if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
    }
  } catch (const narabi::Error&) {
  }
  return 0;
}
