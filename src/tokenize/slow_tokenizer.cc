#include "tokenize/slow_tokenizer.h"

#include <algorithm>

#include "text/unicode.h"

namespace narabi::tokenize {
namespace {

class SlowTokenizer final : public TextTokenizer {
 public:
  explicit SlowTokenizer(SlowTokenizerParts parts)
      : parts_(std::move(parts)), finder_(parts_.added) {
    size_ = parts_.vocabulary_size;
    for (const AddedToken& token : parts_.added) size_ = std::max(size_, token.id + 1);
  }
  std::unique_ptr<Worker> worker() const override;
  int vocabulary_size() const override { return size_; }
  std::string description() const override { return parts_.description; }

 private:
  friend class SlowWorker;

  SlowTokenizerParts parts_;
  AddedTokenFinder finder_;
  int size_ = 0;
};

class SlowWorker final : public Worker {
 public:
  explicit SlowWorker(const SlowTokenizer& tokenizer)
      : tokenizer_(tokenizer), to_ids_(tokenizer.parts_.make_worker()) {}

  void append_ids(std::string_view text, std::vector<std::int32_t>& ids,
                  std::size_t limit) override {
    const std::string lowered = tokenizer_.parts_.lowercase ? lower_text(text) : std::string();
    if (tokenizer_.parts_.lowercase) text = lowered;
    tokenizer_.finder_.split(text, sections_);
    for (const Section& section : sections_) {
      if (section.id >= 0) {
        ids.push_back(section.id);
      } else {
        to_ids_(text.substr(section.begin, section.end - section.begin), ids);
      }
      if (ids.size() > limit) return;
    }
  }

 private:
  std::string lower_text(std::string_view text) {
    std::string out;
    tokenizer_.finder_.split(text, sections_);
    for (const Section& section : sections_) {
      const std::string_view part = text.substr(section.begin, section.end - section.begin);
      out += section.id >= 0 ? std::string(part) : text::lower_each(part);
    }
    return out;
  }

  const SlowTokenizer& tokenizer_;
  TextToIds to_ids_;
  std::vector<Section> sections_;
};

std::unique_ptr<Worker> SlowTokenizer::worker() const {
  return std::make_unique<SlowWorker>(*this);
}

}  // namespace

std::unique_ptr<TextTokenizer> make_slow_tokenizer(SlowTokenizerParts parts) {
  return std::make_unique<SlowTokenizer>(std::move(parts));
}

}  // namespace narabi::tokenize
