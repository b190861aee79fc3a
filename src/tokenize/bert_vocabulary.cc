#include "tokenize/bert_vocabulary.h"

#include <filesystem>
#include <span>
#include <utility>

#include "base/line_reader.h"
#include "narabi/error.h"
#include "tokenize/compiled.h"

namespace narabi::tokenize {
namespace {

WordPieceOptions read_pieces(const std::string& path, const std::string& unk_token) {
  WordPieceOptions options;
  options.unk_token = unk_token;
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

std::unique_ptr<const Model> read_model(const std::string& folder, const std::string& path,
                                        const std::string& unk_token) {
  const auto compiled = CompiledTokenizer::find(folder);
  if (!compiled) return make_wordpiece(read_pieces(path, unk_token), path);
  if (compiled->source() != CompiledTokenizer::Source::kVocabTxt) {
    throw InvalidFormat(compiled->path() +
                        ": expected one compiled from vocab.txt, found one from tokenizer.json; "
                        "write the folder again with `narabi quantize`");
  }
  VocabularyTables tables = compiled->tables();
  tables.owner = compiled;
  WordPieceOptions options;
  options.unk_token = unk_token;
  options.compiled = &tables;
  return make_wordpiece(options, compiled->path());
}

std::int32_t required(const Model& model, const std::string& token, const std::string& path) {
  const std::int32_t id = model.token_to_id(token);
  if (id < 0) throw InvalidFormat(path + ": expected the special token " + token + ", found none");
  return id;
}

// Words are looked up by the ids of vocab.txt, special tokens by those of the files beside it, too.
void require_same_ids(const Model& model, std::span<const AddedToken> roles,
                      const std::string& path) {
  for (const AddedToken& token : roles) {
    const std::int32_t id = model.token_to_id(token.content);
    if (id < 0 || id == token.id) continue;
    throw InvalidFormat(path + ": the id of the special token " + token.content + ": expected " +
                        std::to_string(id) + " (vocab.txt), found " + std::to_string(token.id));
  }
}

Template make_template(std::int32_t cls, std::int32_t sep) {
  using Kind = TemplatePiece::Kind;
  Template special;
  special.single = {{Kind::kSpecial, cls, 0}, {Kind::kFirst, 0, 0}, {Kind::kSpecial, sep, 0}};
  special.pair = special.single;
  special.pair.push_back({Kind::kSecond, 0, 1});
  special.pair.push_back({Kind::kSpecial, sep, 1});
  return special;
}

}  // namespace

BertVocabulary read_bert_vocabulary(const std::string& folder, const TokenizerConfig& config,
                                    Numbering numbering) {
  const std::string path = (std::filesystem::path(folder) / "vocab.txt").string();
  const std::string unk = config.special("unk_token", "[UNK]");
  BertVocabulary vocabulary;
  vocabulary.model = read_model(folder, path, unk);
  const Model& model = *vocabulary.model;
  vocabulary.unk = required(model, unk, path);
  vocabulary.special = make_template(required(model, config.special("cls_token", "[CLS]"), path),
                                     required(model, config.special("sep_token", "[SEP]"), path));
  for (const auto& [role, fallback] : {std::pair{"unk_token", "[UNK]"},
                                       {"sep_token", "[SEP]"},
                                       {"pad_token", "[PAD]"},
                                       {"cls_token", "[CLS]"},
                                       {"mask_token", "[MASK]"}}) {
    AddedToken token;
    token.content = config.special(role, fallback);
    token.id = model.token_to_id(token.content);
    if (token.id >= 0) vocabulary.added.push_back(token);
  }
  const std::size_t roles = vocabulary.added.size();
  complete_added_tokens(config, vocabulary_of(model), numbering, vocabulary.added);
  require_same_ids(model, std::span(vocabulary.added).first(roles), config.path());
  return vocabulary;
}

}  // namespace narabi::tokenize
