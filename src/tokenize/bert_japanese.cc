// BertJapaneseTokenizer (transformers/models/bert_japanese/tokenization_bert_japanese.py): NFKC,
// MeCab words, then WordPiece or characters.
#include "base/utf8.h"
#include "narabi/error.h"
#include "text/morphology.h"
#include "text/unicode.h"
#include "tokenize/bert_vocabulary.h"
#include "tokenize/slow_tokenizer.h"

namespace narabi::tokenize {
namespace {

struct Settings {
  std::string path;  // tokenizer_config.json
  std::string dictionary;
  bool normalize_text = true;
  bool lowercase_words = false;
  bool characters = false;  // subword_tokenizer_type
};

// Shared by all workers.
struct Shared {
  Settings settings;
  text::Morphology morphology;
  std::unique_ptr<const Model> model;
  std::vector<std::string> never_split;
  std::int32_t unk_id;
};

[[noreturn]] void unsupported(const TokenizerConfig& config, const std::string& key,
                              const std::string& value, const char* supported) {
  throw Unsupported(config.path() + ": " + key + " is " + value + "; supported: " + supported);
}

Settings read_settings(const TokenizerConfig& config) {
  Settings settings;
  settings.path = config.path();
  if (!config.flag("do_word_tokenize").value_or(true))
    unsupported(config, "do_word_tokenize", "false", "true");
  if (!config.flag("do_subword_tokenize").value_or(true))
    unsupported(config, "do_subword_tokenize", "false", "true");
  const std::string word = config.text("word_tokenizer_type", "basic");
  if (word != "mecab") unsupported(config, "word_tokenizer_type", word, "mecab");
  const std::string subword = config.text("subword_tokenizer_type", "wordpiece");
  if (subword != "wordpiece" && subword != "character") {
    unsupported(config, "subword_tokenizer_type", subword, "wordpiece, character");
  }
  settings.characters = subword == "character";
  const std::string dictionary = config.text_in("mecab_kwargs", "mecab_dic", "unidic_lite");
  if (dictionary != "unidic_lite" && dictionary != "ipadic") {
    unsupported(config, "mecab_kwargs.mecab_dic", dictionary, "unidic_lite, ipadic");
  }
  settings.dictionary = dictionary == "ipadic" ? "ipadic" : "unidic-lite";
  if (!config.text_in("mecab_kwargs", "mecab_option", "").empty()) {
    unsupported(config, "mecab_kwargs.mecab_option",
                config.text_in("mecab_kwargs", "mecab_option", ""), "none");
  }
  settings.normalize_text = config.flag_in("mecab_kwargs", "normalize_text").value_or(true);
  settings.lowercase_words = config.flag_in("mecab_kwargs", "do_lower_case")
                                 .value_or(config.flag("do_lower_case").value_or(false));
  return settings;
}

// Python's str.isspace(): White_Space and the four separators U+001C to U+001F.
bool is_python_space(char32_t c) {
  return text::is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}

class JapaneseWorker {
 public:
  explicit JapaneseWorker(std::shared_ptr<const Shared> shared)
      : shared_(std::move(shared)),
        worker_(std::make_shared<text::Morphology::Worker>(shared_->morphology)) {}

  void operator()(std::string_view text, std::vector<std::int32_t>& ids) {
    const Settings& settings = shared_->settings;
    const std::string normal = settings.normalize_text ? text::nfkc(text) : std::string(text);
    words_.clear();
    worker_->split(normal, words_);
    for (const std::string_view word : words_) {
      if (settings.lowercase_words && !is_never_split(word)) {
        append_word(text::lower(word), ids);
      } else {
        append_word(word, ids);
      }
    }
  }

 private:
  bool is_never_split(std::string_view word) const {
    for (const std::string& token : shared_->never_split) {
      if (token == word) return true;
    }
    return false;
  }

  void append_word(std::string_view word, std::vector<std::int32_t>& ids) {
    if (shared_->settings.characters) {
      append_characters(text::nfkc(word), ids);
      return;
    }
    // WordpieceTokenizer splits at white space that MeCab left inside a word.
    std::size_t begin = 0;
    for (std::size_t offset = 0; offset < word.size();) {
      const std::size_t at = offset;
      if (!is_python_space(base::next_code_point(word, offset))) continue;
      shared_->model->append_ids(word.substr(begin, at - begin), scratch_, ids, kNoLimit);
      begin = offset;
    }
    shared_->model->append_ids(word.substr(begin), scratch_, ids, kNoLimit);
  }

  void append_characters(std::string_view word, std::vector<std::int32_t>& ids) {
    for (std::size_t i = 0; i < word.size();) {
      const std::string_view character = word.substr(i, base::utf8_length(word[i]));
      const std::int32_t id = shared_->model->token_to_id(character);
      ids.push_back(id >= 0 ? id : shared_->unk_id);
      i += character.size();
    }
  }

  std::shared_ptr<const Shared> shared_;
  std::shared_ptr<text::Morphology::Worker> worker_;
  std::vector<std::string_view> words_;
  ModelScratch scratch_;
};

}  // namespace

LoadedTokenizer load_bert_japanese(const std::string& folder) {
  const TokenizerConfig config(folder);
  const Settings settings = read_settings(config);
  BertVocabulary vocabulary = read_bert_vocabulary(folder, config, Numbering::kAsGiven);

  SlowTokenizerParts parts;
  parts.lowercase = config.flag("do_lower_case").value_or(false);
  parts.added = std::move(vocabulary.added);
  parts.vocabulary_size = vocabulary.model->vocabulary_size();
  parts.description = "MeCab " + settings.dictionary + " + " +
                      (settings.characters ? "characters" : "WordPiece") + " (vocab.txt)";

  auto shared =
      std::make_shared<Shared>(Shared{settings,
                                      text::Morphology(text::find_dictionary(settings.dictionary)),
                                      std::move(vocabulary.model),
                                      {},
                                      vocabulary.unk});
  for (const AddedToken& token : parts.added) shared->never_split.push_back(token.content);
  parts.make_worker = [shared]() -> TextToIds { return JapaneseWorker(shared); };

  LoadedTokenizer loaded;
  loaded.special = std::move(vocabulary.special);
  loaded.special.token_types =
      true;  // transformers 5 leaves them out, unlike 4 and unlike training
  loaded.special.slow_truncation = true;
  loaded.text = make_slow_tokenizer(std::move(parts));
  return loaded;
}

}  // namespace narabi::tokenize
