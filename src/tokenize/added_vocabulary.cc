#include "tokenize/added_vocabulary.h"

#include <algorithm>

#include "narabi/error.h"

namespace narabi::tokenize {
namespace {

template <typename Tokens>
auto find_token(Tokens& tokens, std::string_view content) {
  return std::find_if(tokens.begin(), tokens.end(),
                      [&](const AddedToken& token) { return token.content == content; });
}

std::int32_t after_all(const BaseVocabulary& vocabulary, const std::vector<AddedToken>& added) {
  std::int32_t next = vocabulary.size;
  for (const AddedToken& token : added) next = std::max(next, token.id + 1);
  return next;
}

// len(get_vocab()) of the Python tokenizers: gaps before an id do not count.
std::int32_t count_of(const BaseVocabulary& vocabulary, const std::vector<AddedToken>& added) {
  const auto is_new = [&](const AddedToken& token) { return vocabulary.id_of(token.content) < 0; };
  return vocabulary.size +
         static_cast<std::int32_t>(std::count_if(added.begin(), added.end(), is_new));
}

}  // namespace

BaseVocabulary vocabulary_of(const Model& model) {
  return {[&model](std::string_view token) { return model.token_to_id(token); },
          model.vocabulary_size()};
}

std::int32_t library_id(const BaseVocabulary& vocabulary, const std::vector<AddedToken>& added,
                        std::string_view content) {
  if (const auto same = find_token(added, content); same != added.end()) return same->id;
  const std::int32_t known = vocabulary.id_of(content);
  return known >= 0 ? known : after_all(vocabulary, added);
}

void complete_added_tokens(const TokenizerConfig& config, const BaseVocabulary& vocabulary,
                           Numbering numbering, std::vector<AddedToken>& added) {
  for (AddedToken token : config.numbered_tokens()) {
    const auto same = find_token(added, token.content);
    if (numbering == Numbering::kLibrary) token.id = library_id(vocabulary, added, token.content);
    if (same == added.end()) {
      added.push_back(std::move(token));
    } else if (config.has_decoder() || numbering == Numbering::kAsGiven) {
      *same = std::move(token);
    }
  }
  std::int32_t next =
      numbering == Numbering::kLibrary ? after_all(vocabulary, added) : count_of(vocabulary, added);
  for (AddedToken token : config.special_tokens()) {
    if (find_token(added, token.content) != added.end()) continue;
    const std::int32_t known = vocabulary.id_of(token.content);
    token.id = known >= 0 ? known : next++;
    added.push_back(std::move(token));
  }
}

Template llama_template(const TokenizerConfig& config, const BaseVocabulary& vocabulary,
                        const std::vector<AddedToken>& added) {
  using Kind = TemplatePiece::Kind;
  const bool gemma = config.tokenizer_class() == "GemmaTokenizer";
  const auto add = [&](std::vector<TemplatePiece>& pieces, const char* role, std::string_view name,
                       std::int32_t type) {
    const std::string content = config.special(role, name);
    const auto token = find_token(added, content);
    const std::int32_t id = token != added.end() ? token->id : vocabulary.id_of(content);
    if (id < 0)
      throw InvalidFormat(config.path() + ": " + role +
                          ": expected a token of the vocabulary, found " + content);
    pieces.push_back({Kind::kSpecial, id, type});
  };
  const auto side = [&](std::vector<TemplatePiece>& pieces, Kind kind, std::int32_t type) {
    if (config.flag("add_bos_token").value_or(true))
      add(pieces, "bos_token", gemma ? "<bos>" : "<s>", type);
    pieces.push_back({kind, 0, type});
    if (config.flag("add_eos_token").value_or(false))
      add(pieces, "eos_token", gemma ? "<eos>" : "</s>", type);
  };
  Template out;
  side(out.single, Kind::kFirst, 0);
  side(out.pair, Kind::kFirst, 0);
  side(out.pair, Kind::kSecond, 1);
  return out;
}

}  // namespace narabi::tokenize
