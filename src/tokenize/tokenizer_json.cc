// tokenizer.json, as the tokenizers library writes it, to a pipeline: added tokens, normalizer,
// pre-tokenizer, model, template.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json_depth.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "narabi/error.h"
#include "tokenize/added_vocabulary.h"
#include "tokenize/pipeline.h"
#include "tokenize/tokenizer_config.h"
#include "tokenize/tokenizer_json.h"

namespace narabi::tokenize {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDepth = 64;
constexpr std::int64_t kMaxId = 1 << 24;

// A value of the file and the path to it, so that every error can say where.
class Field {
 public:
  Field(const json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  const json& value() const { return *value_; }
  const std::string& path() const { return path_; }
  bool is_null() const { return value_->is_null(); }

  bool has(const char* key) const {
    return value_->is_object() && value_->contains(key) && !(*value_)[key].is_null();
  }
  Field at(const char* key) const {
    if (!value_->is_object()) wrong("an object");
    const auto found = value_->find(key);
    if (found == value_->end()) throw InvalidFormat(path_ + ": expected the key " + key);
    return {*found, path_ + "." + key};
  }
  std::vector<Field> elements() const {
    if (!value_->is_array()) wrong("an array");
    std::vector<Field> out;
    for (std::size_t i = 0; i < value_->size(); ++i)
      out.push_back({(*value_)[i], path_ + "[" + std::to_string(i) + "]"});
    return out;
  }
  std::string text() const {
    if (!value_->is_string()) wrong("a string");
    return value_->get<std::string>();
  }
  std::string text(const char* key, const std::string& fallback) const {
    return has(key) ? at(key).text() : fallback;
  }
  bool flag() const {
    if (!value_->is_boolean()) wrong("true or false");
    return value_->get<bool>();
  }
  bool flag(const char* key, bool fallback) const { return has(key) ? at(key).flag() : fallback; }
  std::int32_t id() const {
    if (!value_->is_number_integer() || value_->get<std::int64_t>() < 0 ||
        value_->get<std::int64_t>() > kMaxId) {
      wrong("an id from 0 to " + std::to_string(kMaxId));
    }
    return value_->get<std::int32_t>();
  }
  std::string type() const { return at("type").text(); }

  [[noreturn]] void wrong(const std::string& expected) const {
    std::string found = value_->dump(-1, ' ', false, json::error_handler_t::replace);
    if (found.size() > 80) found = std::string(base::utf8_prefix(found, 77)) + "...";
    throw InvalidFormat(path_ + ": expected " + expected + ", found " + found);
  }
  [[noreturn]] void unsupported(const std::string& what, const std::string& supported) const {
    throw Unsupported(path_ + " is " + what + "; supported: " + supported);
  }

 private:
  const json* value_;
  std::string path_;
};

// {"String": "x"} or {"Regex": "x"}
Pattern parse_pattern(const Field& field) {
  if (field.has("String")) return Pattern::literal(field.at("String").text());
  return Pattern::regex(field.at("Regex").text(), field.path());
}

NormalizerPtr parse_bert_normalizer(const Field& field) {
  BertNormalizerOptions options;
  options.clean_text = field.flag("clean_text", true);
  options.handle_chinese_chars = field.flag("handle_chinese_chars", true);
  options.lowercase = field.flag("lowercase", true);
  options.strip_accents = field.flag("strip_accents", options.lowercase);
  return make_bert_normalizer(options);
}

NormalizerPtr parse_normalizer(const Field& field) {
  const std::string type = field.type();
  if (type == "Sequence") {
    std::vector<NormalizerPtr> parts;
    for (const Field& part : field.at("normalizers").elements())
      parts.push_back(parse_normalizer(part));
    return make_sequence(std::move(parts));
  }
  if (type == "Precompiled") {
    const Field blob = field.at("precompiled_charsmap");
    return make_precompiled(Charsmap(decode_base64(blob.text(), blob.path()), blob.path()));
  }
  if (type == "Replace")
    return make_replace(parse_pattern(field.at("pattern")), field.at("content").text());
  if (type == "Prepend") return make_prepend(field.at("prepend").text());
  if (type == "NFC") return make_unicode_form(text::Form::kNfc);
  if (type == "NFD") return make_unicode_form(text::Form::kNfd);
  if (type == "NFKC") return make_unicode_form(text::Form::kNfkc);
  if (type == "NFKD") return make_unicode_form(text::Form::kNfkd);
  if (type == "Lowercase") return make_lowercase();
  if (type == "Strip") {
    return make_strip(
        {.left = field.flag("strip_left", true), .right = field.flag("strip_right", true)});
  }
  if (type == "StripAccents") return make_strip_accents();
  if (type == "Nmt") return make_nmt();
  if (type == "BertNormalizer") return parse_bert_normalizer(field);
  field.at("type").unsupported(
      type,
      "Sequence, Precompiled, Replace, Prepend, NFC, NFD, NFKC, NFKD, Lowercase, "
      "Strip, StripAccents, Nmt, BertNormalizer");
}

// transformers sets the options of a BertNormalizer anew where it is all there is, not within a
// Sequence.
NormalizerPtr parse_whole_normalizer(const Field& field, const TokenizerConfig& config) {
  std::optional<BertNormalizerOptions> options = config.bert_override();
  if (!options || field.type() != "BertNormalizer") return parse_normalizer(field);
  options->clean_text = field.flag("clean_text", true);
  return make_bert_normalizer(*options);
}

SplitBehavior parse_behavior(const Field& field) {
  const std::string word = field.text();
  if (word == "Removed") return SplitBehavior::kRemoved;
  if (word == "Isolated") return SplitBehavior::kIsolated;
  if (word == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (word == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (word == "Contiguous") return SplitBehavior::kContiguous;
  field.unsupported(word, "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

PreTokenizerPtr parse_metaspace(const Field& field) {
  MetaspaceOptions options;
  options.replacement = field.text("replacement", options.replacement);
  options.split = field.flag("split", true);
  const std::string scheme = field.text("prepend_scheme", "always");
  if (scheme == "always") {
    options.prepend = PrependScheme::kAlways;
  } else if (scheme == "first") {
    options.prepend = PrependScheme::kFirst;
  } else if (scheme == "never") {
    options.prepend = PrependScheme::kNever;
  } else {
    field.at("prepend_scheme").unsupported(scheme, "always, first, never");
  }
  if (!field.flag("add_prefix_space", true))
    options.prepend = PrependScheme::kNever;  // the older key
  return make_metaspace(options);
}

PreTokenizerPtr parse_pre_tokenizer(const Field& field) {
  const std::string type = field.type();
  if (type == "Sequence") {
    std::vector<PreTokenizerPtr> parts;
    for (const Field& part : field.at("pretokenizers").elements())
      parts.push_back(parse_pre_tokenizer(part));
    return make_pre_sequence(std::move(parts));
  }
  if (type == "Metaspace") return parse_metaspace(field);
  if (type == "WhitespaceSplit") return make_whitespace_split();
  if (type == "Whitespace") return make_whitespace();
  if (type == "BertPreTokenizer") return make_bert_pre_tokenizer();
  if (type == "Digits") {
    return make_digits(field.flag("individual_digits", false) ? SplitBehavior::kIsolated
                                                              : SplitBehavior::kContiguous);
  }
  if (type == "Punctuation") {
    return make_punctuation(field.has("behavior") ? parse_behavior(field.at("behavior"))
                                                  : SplitBehavior::kIsolated);
  }
  if (type == "Split") {
    return make_split(
        parse_pattern(field.at("pattern")),
        {.behavior = parse_behavior(field.at("behavior")), .invert = field.flag("invert", false)});
  }
  field.at("type").unsupported(type,
                               "Sequence, Metaspace, WhitespaceSplit, Whitespace, Digits, "
                               "Punctuation, BertPreTokenizer, Split");
}

std::unique_ptr<const Model> parse_unigram(const Field& field, const VocabularyTables* compiled) {
  UnigramOptions options;
  options.compiled = compiled;
  const Field vocab = field.at("vocab");
  if (!vocab.value().is_array()) vocab.wrong("an array");
  options.pieces.reserve(vocab.value().size());
  for (const json& entry : vocab.value()) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      Field(entry, vocab.path() + "[" + std::to_string(options.pieces.size()) + "]")
          .wrong("[piece, score]");
    }
    options.pieces.emplace_back(entry[0].get_ref<const std::string&>(), entry[1].get<double>());
  }
  if (field.has("unk_id")) options.unk_id = field.at("unk_id").id();
  options.byte_fallback = field.flag("byte_fallback", false);
  return make_unigram(options, field.path());
}

std::unique_ptr<const Model> parse_wordpiece(const Field& field, const VocabularyTables* compiled) {
  WordPieceOptions options;
  options.compiled = compiled;
  const Field vocab = field.at("vocab");
  if (!vocab.value().is_object()) vocab.wrong("an object");
  for (const auto& item : vocab.value().items()) {
    options.vocabulary.emplace_back(item.key(),
                                    Field(item.value(), vocab.path() + "." + item.key()).id());
  }
  options.unk_token = field.text("unk_token", options.unk_token);
  options.prefix = field.text("continuing_subword_prefix", options.prefix);
  if (field.has("max_input_chars_per_word")) {
    options.max_characters = static_cast<std::size_t>(field.at("max_input_chars_per_word").id());
  }
  return make_wordpiece(options, field.path());
}

std::unique_ptr<const Model> parse_model(const Field& field, const VocabularyTables* compiled) {
  // Files of old versions leave the type out; a list of [piece, score] is Unigram's form only.
  const std::string type = field.text(
      "type", field.has("vocab") && field.at("vocab").value().is_array() ? "Unigram" : "WordPiece");
  if (type == "Unigram") return parse_unigram(field, compiled);
  if (type == "WordPiece") return parse_wordpiece(field, compiled);
  field.at("type").unsupported(type, "Unigram, WordPiece");
}

std::vector<AddedToken> parse_added_tokens(const Field& root, const BaseVocabulary& vocabulary) {
  std::vector<AddedToken> tokens;
  if (!root.has("added_tokens")) return tokens;
  for (const Field& field : root.at("added_tokens").elements()) {
    AddedToken token;
    token.content = field.at("content").text();
    field.at("id")
        .id();  // the library numbers them itself, and warns where the file does not agree
    token.single_word = field.flag("single_word", false);
    token.lstrip = field.flag("lstrip", false);
    token.rstrip = field.flag("rstrip", false);
    token.normalized = field.flag("normalized", true);
    if (token.content.empty()) continue;
    token.id = library_id(vocabulary, tokens, token.content);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

using Kind = TemplatePiece::Kind;

std::vector<TemplatePiece> parse_template(const Field& pieces, const Field& specials) {
  std::vector<TemplatePiece> out;
  for (const Field& piece : pieces.elements()) {
    if (piece.has("Sequence")) {
      const Field sequence = piece.at("Sequence");
      const std::string side = sequence.at("id").text();
      if (side != "A" && side != "B") sequence.at("id").unsupported(side, "A, B");
      out.push_back({side == "A" ? Kind::kFirst : Kind::kSecond, 0, sequence.at("type_id").id()});
      continue;
    }
    const Field special = piece.at("SpecialToken");
    const Field token = specials.at(special.at("id").text().c_str());
    for (const Field& id : token.at("ids").elements()) {
      out.push_back({Kind::kSpecial, id.id(), special.at("type_id").id()});
    }
  }
  return out;
}

// ["</s>", 2]
std::int32_t named_id(const Field& field) {
  const std::vector<Field> parts = field.elements();
  if (parts.size() != 2) field.wrong("[token, id]");
  return parts[1].id();
}

Template parse_post_processor(const Field& field) {
  const std::string type = field.type();
  if (type == "TemplateProcessing") {
    const Field specials = field.at("special_tokens");
    return {parse_template(field.at("single"), specials),
            parse_template(field.at("pair"), specials), false, false};
  }
  if (type == "Sequence") {
    for (const Field& part : field.at("processors").elements()) {
      if (part.type() != "ByteLevel") return parse_post_processor(part);
    }
    return Template::bare();
  }
  if (type != "BertProcessing" && type != "RobertaProcessing") {
    field.at("type").unsupported(type,
                                 "TemplateProcessing, BertProcessing, RobertaProcessing, Sequence");
  }
  const std::int32_t cls = named_id(field.at("cls")), sep = named_id(field.at("sep"));
  const bool bert = type == "BertProcessing";
  Template out;
  out.single = {{Kind::kSpecial, cls, 0}, {Kind::kFirst, 0, 0}, {Kind::kSpecial, sep, 0}};
  out.pair = out.single;
  if (!bert) out.pair.push_back({Kind::kSpecial, sep, 0});
  out.pair.push_back({Kind::kSecond, 0, bert ? 1 : 0});
  out.pair.push_back({Kind::kSpecial, sep, bert ? 1 : 0});
  return out;
}

json parse_json(std::string_view text, const std::string& path) {
  base::check_json_depth(text, kMaxDepth, path);
  try {
    return json::parse(text);
  } catch (const json::exception& error) {
    throw InvalidFormat(path + ": expected JSON: " + error.what());
  }
}

json parse_root(std::string_view text, const std::string& path) {
  json root = parse_json(text, path);
  if (!root.is_object())
    throw InvalidFormat(path + ": expected an object, found " + root.type_name());
  return root;
}

std::string name_of(const json& root, bool compiled) {
  const json& model = root["model"];
  const bool unigram = model.is_object() && model.contains("vocab") && model["vocab"].is_array();
  return std::string(unigram ? "Unigram" : "WordPiece") +
         (compiled ? " (tokenizer.json, compiled)" : " (tokenizer.json)");
}

// transformers overrules a file's own truncation, but for the side.
void refuse_left_truncation(const Field& root, const TokenizerConfig& config) {
  if (config.has("truncation_side") || !root.has("truncation")) return;
  const Field truncation = root.at("truncation");
  if (const std::string side = truncation.text("direction", "Right"); side != "Right")
    truncation.at("direction").unsupported(side, "Right");
}

}  // namespace

LoadedTokenizer parse_tokenizer_json(std::string_view text, const std::string& path,
                                     const TokenizerConfig& config,
                                     const VocabularyTables* compiled) {
  const json root = parse_root(text, path);
  const Field field(root, path);
  refuse_left_truncation(field, config);
  PipelineParts parts;
  parts.model = parse_model(field.at("model"), compiled);
  const BaseVocabulary vocabulary = vocabulary_of(*parts.model);
  parts.added = parse_added_tokens(field, vocabulary);
  complete_added_tokens(config, vocabulary, Numbering::kLibrary, parts.added);
  if (field.has("normalizer"))
    parts.normalizer = parse_whole_normalizer(field.at("normalizer"), config);
  if (field.has("pre_tokenizer"))
    parts.pre_tokenizer = parse_pre_tokenizer(field.at("pre_tokenizer"));
  parts.description = name_of(root, compiled != nullptr);
  LoadedTokenizer loaded;
  if (config.sets_template()) {
    loaded.special = llama_template(config, vocabulary, parts.added);
  } else if (field.has("post_processor")) {
    loaded.special = parse_post_processor(field.at("post_processor"));
  } else {
    loaded.special = Template::bare();
  }
  loaded.special.token_types = config.gives_token_types();
  loaded.text = make_pipeline(std::move(parts));
  return loaded;
}

JsonParts split_tokenizer_json(std::string_view text, const std::string& path) {
  json root = parse_root(text, path);
  JsonParts parts;
  parts.model = parse_model(Field(root, path).at("model"), nullptr);
  json& vocabulary = root["model"]["vocab"];
  vocabulary = vocabulary.is_array() ? json::array() : json::object();
  parts.skeleton = root.dump();
  return parts;
}

LoadedTokenizer load_tokenizer_json(const std::string& folder) {
  const base::MappedFile file((std::filesystem::path(folder) / "tokenizer.json").string());
  return parse_tokenizer_json(file.text(), file.path(), TokenizerConfig(folder));
}

}  // namespace narabi::tokenize
