// Bytes as a tokenizer.json: loaded and used on nasty text, or refused.
#include <cstdint>
#include <string_view>

#include "narabi/error.h"
#include "tokenize/pair_encoder.h"
#include "tokenize/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  try {
    const auto tokenizer =
        narabi::tokenize::parse_tokenizer_json(json, "fuzz", narabi::tokenize::TokenizerConfig());
    narabi::tokenize::PairEncoder encoder(tokenizer);
    encoder.encode_pair("ab a  1 <s>", "b<mask>ﾊﾟ か\u3099 𠮷 é", 16,
                        narabi::Truncation::kLongestFirst);
  } catch (const narabi::Error&) {
  }
  return 0;
}
