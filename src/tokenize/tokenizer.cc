#include "narabi/tokenizer.h"

#include <mutex>

#include "tokenize/pair_encoder.h"

namespace narabi {

// Encoders that no thread uses now wait in a list; a call takes one or makes one.
struct Tokenizer::Impl {
  tokenize::LoadedTokenizer tokenizer;
  std::mutex mutex;
  std::vector<std::unique_ptr<tokenize::PairEncoder>> idle;

  template <typename Encode>
  Encoding with_encoder(Encode encode) {
    std::unique_ptr<tokenize::PairEncoder> encoder;
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        encoder = std::move(idle.back());
        idle.pop_back();
      }
    }
    if (!encoder) encoder = std::make_unique<tokenize::PairEncoder>(tokenizer);
    Encoding encoding = encode(*encoder);
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(encoder));
    return encoding;
  }
};

Tokenizer::Tokenizer(const std::string& folder) : impl_(std::make_unique<Impl>()) {
  impl_->tokenizer = tokenize::load_tokenizer(folder);
}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Encoding Tokenizer::encode(std::string_view text, int max_length) const {
  return impl_->with_encoder(
      [&](tokenize::PairEncoder& encoder) { return encoder.encode(text, max_length); });
}

Encoding Tokenizer::encode_plain(std::string_view text) const {
  return impl_->with_encoder(
      [&](tokenize::PairEncoder& encoder) { return encoder.encode_plain(text); });
}

Encoding Tokenizer::encode_pair(std::string_view query, std::string_view passage, int max_length,
                                Truncation truncation) const {
  return impl_->with_encoder([&](tokenize::PairEncoder& encoder) {
    return encoder.encode_pair(query, passage, max_length, truncation);
  });
}

int Tokenizer::vocabulary_size() const {
  return impl_->tokenizer.text->vocabulary_size();
}
std::string Tokenizer::description() const {
  return impl_->tokenizer.text->description();
}

}  // namespace narabi
