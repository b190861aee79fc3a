// BertJapaneseTokenizer (transformers/models/bert_japanese/tokenization_bert_japanese.py): NFKC,
// MeCab words, then WordPiece or characters.
#include <filesystem>
#include <unordered_map>

#include "base/line_reader.h"
#include "base/utf8.h"
#include "narabi/error.h"
#include "text/morphology.h"
#include "text/unicode.h"
#include "tokenize/model.h"
#include "tokenize/slow_tokenizer.h"

namespace narabi::tokenize {
namespace {

namespace fs = std::filesystem;

struct Settings {
  std::string path;  // tokenizer_config.json
  std::string dictionary;
  bool normalize_text = true;
  bool lowercase_words = false;
  bool characters = false;  // subword_tokenizer_type
  std::string unk_token;
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
  settings.unk_token = config.special("unk_token", "[UNK]");
  return settings;
}

WordPieceOptions read_vocabulary(const std::string& path, const std::string& unk_token) {
  WordPieceOptions options;
  options.unk_token = unk_token;
  std::unordered_map<std::string, std::size_t> seen;
  base::LineReader lines(path);
  for (std::string line; lines.next(line);) {
    if (line.empty()) continue;
    const auto id = static_cast<std::int32_t>(lines.line_number() - 1);
    options.vocabulary.emplace_back(line, id);
  }
  if (options.vocabulary.empty())
    throw InvalidFormat(path + ": expected a token a line, found none");
  return options;
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
      shared_->model->append_ids(word.substr(begin, at - begin), scratch_, ids);
      begin = offset;
    }
    shared_->model->append_ids(word.substr(begin), scratch_, ids);
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

std::int32_t required(const Model& model, const std::string& token, const std::string& vocabulary) {
  const std::int32_t id = model.token_to_id(token);
  if (id < 0)
    throw InvalidFormat(vocabulary + ": expected the special token " + token + ", found none");
  return id;
}

}  // namespace

LoadedTokenizer load_bert_japanese(const std::string& folder) {
  const TokenizerConfig config(folder);
  const std::string vocabulary = (fs::path(folder) / "vocab.txt").string();
  Settings settings = read_settings(config);
  std::unique_ptr<const Model> model =
      make_wordpiece(read_vocabulary(vocabulary, settings.unk_token), vocabulary);
  const std::int32_t unk = required(*model, settings.unk_token, vocabulary);
  const std::int32_t cls = required(*model, config.special("cls_token", "[CLS]"), vocabulary);
  const std::int32_t sep = required(*model, config.special("sep_token", "[SEP]"), vocabulary);

  SlowTokenizerParts parts;
  parts.lowercase = config.flag("do_lower_case").value_or(false);
  for (const auto& [role, fallback] : {std::pair{"unk_token", "[UNK]"},
                                       {"sep_token", "[SEP]"},
                                       {"pad_token", "[PAD]"},
                                       {"cls_token", "[CLS]"},
                                       {"mask_token", "[MASK]"}}) {
    AddedToken token;
    token.content = config.special(role, fallback);
    token.id = model->token_to_id(token.content);
    if (token.id >= 0) parts.added.push_back(token);
  }
  complete_added_tokens(config, *model, parts.added);
  parts.vocabulary_size = model->vocabulary_size();
  parts.description = "MeCab " + settings.dictionary + " + " +
                      (settings.characters ? "characters" : "WordPiece") + " (vocab.txt)";

  auto shared =
      std::make_shared<Shared>(Shared{settings,
                                      text::Morphology(text::find_dictionary(settings.dictionary)),
                                      std::move(model),
                                      {},
                                      unk});
  for (const AddedToken& token : parts.added) shared->never_split.push_back(token.content);
  parts.make_worker = [shared]() -> TextToIds { return JapaneseWorker(shared); };

  using Kind = TemplatePiece::Kind;
  LoadedTokenizer loaded;
  loaded.special.single = {
      {Kind::kSpecial, cls, 0}, {Kind::kFirst, 0, 0}, {Kind::kSpecial, sep, 0}};
  loaded.special.pair = {{Kind::kSpecial, cls, 0},
                         {Kind::kFirst, 0, 0},
                         {Kind::kSpecial, sep, 0},
                         {Kind::kSecond, 0, 1},
                         {Kind::kSpecial, sep, 1}};
  loaded.special.token_types =
      true;  // transformers 5 leaves them out, unlike 4 and unlike training
  loaded.special.slow_truncation = true;
  loaded.text = make_slow_tokenizer(std::move(parts));
  return loaded;
}

}  // namespace narabi::tokenize
