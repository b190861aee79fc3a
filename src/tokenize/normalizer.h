// The normalizers of tokenizer.json: text to text, before it is cut.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/unicode.h"
#include "tokenize/charsmap.h"
#include "tokenize/pattern.h"

namespace narabi::tokenize {

// Immutable, shared between threads.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  // False where what `text` began with is gone, so that it begins further on now.
  virtual bool apply(std::string& text) const = 0;
};

using NormalizerPtr = std::unique_ptr<const Normalizer>;

struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
};

NormalizerPtr make_sequence(std::vector<NormalizerPtr> parts);
NormalizerPtr make_unicode_form(text::Form form);
NormalizerPtr make_precompiled(Charsmap charsmap);
NormalizerPtr make_replace(Pattern pattern, std::string content);
NormalizerPtr make_prepend(std::string content);  // in front of a text that is not empty
NormalizerPtr make_lowercase();
struct StripSides {
  bool left = true, right = true;
};
NormalizerPtr make_strip(StripSides sides);
NormalizerPtr make_strip_accents();
NormalizerPtr make_nmt();
NormalizerPtr make_bert_normalizer(const BertNormalizerOptions& options);

}  // namespace narabi::tokenize
