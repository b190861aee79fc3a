// SentencePiece model files, where there is no tokenizer.json: the slow tokenizers of transformers.
#include <sentencepiece_processor.h>

#include <filesystem>
#include <utility>

#include "base/mapped_file.h"
#include "base/paths.h"
#include "narabi/error.h"
#include "tokenize/added_vocabulary.h"
#include "tokenize/slow_tokenizer.h"

namespace narabi::tokenize {
namespace {

namespace fs = std::filesystem;
using Kind = TemplatePiece::Kind;

using Processor = std::shared_ptr<const sentencepiece::SentencePieceProcessor>;

Processor open(const std::string& path) {
  const base::MappedFile file(path);
  auto processor = std::make_shared<sentencepiece::SentencePieceProcessor>();
  const auto status = processor->LoadFromSerializedProto(std::string(file.text()));
  if (!status.ok())
    throw InvalidFormat(path + ": expected a SentencePiece model: " + status.ToString());
  return processor;
}

// Pieces to ids: fairseq's layout puts <s> <pad> </s> <unk> first, so a piece is its id + 1 and
// unknown is 3.
struct IdRule {
  std::int32_t offset = 0;
  std::int32_t unknown = 0;
};

TextToIds make_encoder(const Processor& processor, IdRule rule) {
  return [processor, rule](std::string_view text, std::vector<std::int32_t>& ids) {
    std::vector<int> pieces;
    const auto status = processor->Encode(absl::string_view(text.data(), text.size()), &pieces);
    if (!status.ok())
      throw InvalidArgument("SentencePiece cannot encode the text: " + status.ToString());
    for (const int piece : pieces) {
      ids.push_back(piece == processor->unk_id() ? rule.unknown : piece + rule.offset);
    }
  };
}

// Without gaps before their ids, which the fast tokenizers close and the slow ones keep.
void complete(const TokenizerConfig& config, const BaseVocabulary& vocabulary,
              std::vector<AddedToken>& added) {
  std::vector<AddedToken> fast = added;
  complete_added_tokens(config, vocabulary, Numbering::kLibrary, fast);
  complete_added_tokens(config, vocabulary, Numbering::kAsGiven, added);
  for (std::size_t i = 0; i < added.size(); ++i) {
    if (added[i].id == fast[i].id) continue;
    throw Unsupported(config.path() + ": the id of the added token " + added[i].content +
                      ": expected " + std::to_string(fast[i].id) + " (no gap), found " +
                      std::to_string(added[i].id));
  }
}

BaseVocabulary fairseq_vocabulary(const Processor& processor) {
  const std::int32_t mask = processor->GetPieceSize() + 1;
  const auto id_of = [processor, mask](std::string_view token) {
    constexpr std::string_view kFirst[] = {"<s>", "<pad>", "</s>", "<unk>"};
    for (std::int32_t id = 0; id < 4; ++id) {
      if (kFirst[id] == token) return id;
    }
    if (token == "<mask>") return mask;
    const int piece = processor->PieceToId(absl::string_view(token.data(), token.size()));
    return piece == processor->unk_id() ? -1 : piece + 1;
  };
  return {id_of, mask + 1};
}

// <s> A </s></s> B </s>
LoadedTokenizer load_fairseq(const std::string& path, const TokenizerConfig& config) {
  const Processor processor = open(path);
  const BaseVocabulary vocabulary = fairseq_vocabulary(processor);
  SlowTokenizerParts parts;
  for (const auto& [role, fallback] : {std::pair{"bos_token", "<s>"},
                                       {"pad_token", "<pad>"},
                                       {"eos_token", "</s>"},
                                       {"unk_token", "<unk>"},
                                       {"mask_token", "<mask>"}}) {
    AddedToken token;
    token.content = config.special(role, fallback);
    token.id = vocabulary.id_of(token.content);
    token.lstrip = role == std::string_view("mask_token");
    if (token.id >= 0) parts.added.push_back(std::move(token));
  }
  complete(config, vocabulary, parts.added);
  parts.vocabulary_size = vocabulary.size;
  parts.description = "SentencePiece (sentencepiece.bpe.model)";
  parts.make_worker = [processor] { return make_encoder(processor, {.offset = 1, .unknown = 3}); };
  LoadedTokenizer loaded;
  loaded.special.single = {{Kind::kSpecial, 0, 0}, {Kind::kFirst, 0, 0}, {Kind::kSpecial, 2, 0}};
  loaded.special.pair = {{Kind::kSpecial, 0, 0}, {Kind::kFirst, 0, 0},  {Kind::kSpecial, 2, 0},
                         {Kind::kSpecial, 2, 0}, {Kind::kSecond, 0, 0}, {Kind::kSpecial, 2, 0}};
  loaded.special.slow_truncation = true;
  loaded.text = make_slow_tokenizer(std::move(parts));
  return loaded;
}

// LlamaTokenizer
LoadedTokenizer load_llama(const std::string& path, const TokenizerConfig& config) {
  if (!config.flag("legacy").value_or(true)) {
    throw Unsupported(config.path() + ": legacy is false; supported without tokenizer.json: true");
  }
  const Processor processor = open(path);
  SlowTokenizerParts parts;
  const auto id_of = [processor](std::string_view token) {
    const int piece = processor->PieceToId(absl::string_view(token.data(), token.size()));
    const bool unknown = piece == processor->unk_id() && token != processor->IdToPiece(piece);
    return unknown ? -1 : piece;
  };
  for (const auto& [role, fallback] :
       {std::pair{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}}) {
    AddedToken token;
    token.content = config.special(role, fallback);
    token.id = id_of(token.content);
    if (token.id >= 0) parts.added.push_back(std::move(token));
  }
  complete(config, {id_of, processor->GetPieceSize()}, parts.added);
  parts.vocabulary_size = processor->GetPieceSize();
  parts.description = "SentencePiece (tokenizer.model)";
  parts.make_worker = [processor] {
    return make_encoder(processor, {.offset = 0, .unknown = processor->unk_id()});
  };
  LoadedTokenizer loaded;
  loaded.special = llama_template(config, {id_of, processor->GetPieceSize()}, parts.added);
  loaded.special.slow_truncation = true;
  loaded.text = make_slow_tokenizer(std::move(parts));
  return loaded;
}

}  // namespace

LoadedTokenizer load_sentencepiece(const std::string& folder) {
  const TokenizerConfig config(folder);
  const fs::path fairseq = fs::path(folder) / "sentencepiece.bpe.model";
  if (base::exists(fairseq)) return load_fairseq(fairseq.string(), config);
  return load_llama((fs::path(folder) / "tokenizer.model").string(), config);
}

}  // namespace narabi::tokenize
