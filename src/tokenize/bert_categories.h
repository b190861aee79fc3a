// General categories as BERT's normalizer and pre-tokenizer in the tokenizers library see them:
// those of Unicode 8.0 (its crate unicode_categories), whatever the Unicode version of the rest.
#pragma once

namespace narabi::tokenize {

bool is_bert_other(char32_t c);            // Cc, Cf, Co
bool is_bert_nonspacing_mark(char32_t c);  // Mn
bool is_bert_punctuation(char32_t c);  // P*, and all ASCII characters that are no letter or digit

}  // namespace narabi::tokenize
