// SentencePiece model files, where there is no tokenizer.json: the slow tokenizers of transformers.
#include <sentencepiece_processor.h>

#include <filesystem>

#include "base/mapped_file.h"
#include "base/paths.h"
#include "narabi/error.h"
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

AddedToken special(std::string content, std::int32_t id, bool lstrip = false) {
  AddedToken token;
  token.content = std::move(content);
  token.id = id;
  token.lstrip = lstrip;
  return token;
}

// <s> A </s></s> B </s>
LoadedTokenizer load_fairseq(const std::string& path, const TokenizerConfig& config) {
  const Processor processor = open(path);
  const int size = processor->GetPieceSize();
  SlowTokenizerParts parts;
  parts.added = {special(config.special("bos_token", "<s>"), 0),
                 special(config.special("pad_token", "<pad>"), 1),
                 special(config.special("eos_token", "</s>"), 2),
                 special(config.special("unk_token", "<unk>"), 3),
                 special(config.special("mask_token", "<mask>"), size + 1, true)};
  parts.vocabulary_size = size + 2;
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

// LlamaTokenizer: <s> A </s><s> B </s> as far as add_bos_token and add_eos_token say.
LoadedTokenizer load_llama(const std::string& path, const TokenizerConfig& config) {
  if (!config.flag("legacy").value_or(true)) {
    throw Unsupported(config.path() + ": legacy is false; supported without tokenizer.json: true");
  }
  const Processor processor = open(path);
  SlowTokenizerParts parts;
  for (AddedToken token : config.tokens()) {
    if (token.id < 0) token.id = processor->PieceToId(token.content);
    parts.added.push_back(std::move(token));
  }
  parts.vocabulary_size = processor->GetPieceSize();
  parts.description = "SentencePiece (tokenizer.model)";
  parts.make_worker = [processor] {
    return make_encoder(processor, {.offset = 0, .unknown = processor->unk_id()});
  };
  const std::int32_t bos = processor->PieceToId(config.special("bos_token", "<s>"));
  const std::int32_t eos = processor->PieceToId(config.special("eos_token", "</s>"));
  const auto side = [&](std::vector<TemplatePiece>& pieces, Kind kind, std::int32_t type) {
    if (config.flag("add_bos_token").value_or(true)) pieces.push_back({Kind::kSpecial, bos, type});
    pieces.push_back({kind, 0, type});
    if (config.flag("add_eos_token").value_or(false)) pieces.push_back({Kind::kSpecial, eos, type});
  };
  LoadedTokenizer loaded;
  side(loaded.special.single, Kind::kFirst, 0);
  side(loaded.special.pair, Kind::kFirst, 0);
  side(loaded.special.pair, Kind::kSecond, 1);
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
