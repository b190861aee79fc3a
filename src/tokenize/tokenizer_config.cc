#include "tokenize/tokenizer_config.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "base/json_depth.h"
#include "base/mapped_file.h"
#include "base/paths.h"
#include "narabi/error.h"

namespace narabi::tokenize {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxConfigDepth = 64;
constexpr std::uint64_t kLargestId = 1 << 24;
// The classes of AutoTokenizer for what config.json alone says.
constexpr std::pair<std::string_view, std::string_view> kClassOfModel[] = {
    {"bert", "BertTokenizer"},
    {"bert-japanese", "BertJapaneseTokenizer"},
    {"big_bird", "BigBirdTokenizer"},
    {"camembert", "CamembertTokenizer"},
    {"distilbert", "DistilBertTokenizer"},
    {"electra", "ElectraTokenizer"},
    {"ernie", "BertTokenizer"},
    {"gemma", "GemmaTokenizer"},
    {"llama", "LlamaTokenizer"},
    {"mpnet", "MPNetTokenizer"},
    {"roberta", "RobertaTokenizer"},
    {"t5", "T5Tokenizer"},
    {"xlm-roberta", "XLMRobertaTokenizer"}};
// Their constructors set the normalizer of tokenizer.json as BertTokenizerFast's does.
constexpr std::string_view kBertLike[] = {
    "BertTokenizer",       "ConvBertTokenizer",   "DistilBertTokenizer", "ElectraTokenizer",
    "FunnelTokenizer",     "LayoutLMTokenizer",   "LxmertTokenizer",     "MPNetTokenizer",
    "MobileBertTokenizer", "SqueezeBertTokenizer"};
// Their model_input_names leave token_type_ids out; transformers 5 alone writes TokenizersBackend,
// with the key where there are types.
constexpr std::string_view kWithoutTypes[] = {
    "BartTokenizer",      "BarthezTokenizer",  "BigBirdTokenizer",    "CamembertTokenizer",
    "CodeLlamaTokenizer", "CohereTokenizer",   "DistilBertTokenizer", "GPT2Tokenizer",
    "GPTNeoXTokenizer",   "GemmaTokenizer",    "LlamaTokenizer",      "LongformerTokenizer",
    "MBart50Tokenizer",   "MBartTokenizer",    "MPNetTokenizer",      "NllbTokenizer",
    "PegasusTokenizer",   "Qwen2Tokenizer",    "ReformerTokenizer",   "RobertaTokenizer",
    "T5Tokenizer",        "TokenizersBackend", "XGLMTokenizer",       "XLMRobertaTokenizer"};

bool among(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string_view class_of_model(std::string_view model_type) {
  for (const auto& [type, name] : kClassOfModel) {
    if (type == model_type) return name;
  }
  return "";
}

constexpr const char* kRoles[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};

json read(const std::string& path) {
  if (!base::exists(path)) return json::object();
  const base::MappedFile file(path);
  base::check_json_depth(file.text(), kMaxConfigDepth, path);
  json root;
  try {
    root = json::parse(file.text());
  } catch (const json::exception& error) {
    throw InvalidFormat(path + ": expected JSON: " + error.what());
  }
  if (!root.is_object())
    throw InvalidFormat(path + ": expected an object, found " + root.type_name());
  return root;
}

[[noreturn]] void wrong(const std::string& path, std::string_view key, const char* expected) {
  throw InvalidFormat(path + ": " + std::string(key) + ": expected " + expected);
}

const json* find(const json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(key));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const json* value, const std::string& path, std::string_view key,
                    std::string_view fallback) {
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) wrong(path, key, "a string");
  return value->get<std::string>();
}

std::optional<bool> flag_of(const json* value, const std::string& path, std::string_view key) {
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) wrong(path, key, "true or false");
  return value->get<bool>();
}

// A token written as "x" or as {"content": "x", "lstrip": ...}; `special` is what one is that does
// not say so. Special ones are not normalised unless they say so.
AddedToken token_of(const json& value, const std::string& path, std::string_view key,
                    bool special) {
  AddedToken token;
  token.id = -1;
  if (value.is_string()) {
    token.content = value.get<std::string>();
    return token;
  }
  token.content = text_of(find(value, "content"), path, key, "");
  token.single_word = flag_of(find(value, "single_word"), path, key).value_or(false);
  token.lstrip = flag_of(find(value, "lstrip"), path, key).value_or(false);
  token.rstrip = flag_of(find(value, "rstrip"), path, key).value_or(false);
  token.normalized = flag_of(find(value, "normalized"), path, key)
                         .value_or(!flag_of(find(value, "special"), path, key).value_or(special));
  return token;
}

auto same_content(const AddedToken& token) {
  return [&token](const AddedToken& other) { return other.content == token.content; };
}

std::int32_t parse_id(const std::string& text, const std::string& path) {
  if (text.empty() || text.size() > 8 ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    throw InvalidFormat(path + ": added_tokens_decoder: expected an id, found " + text);
  }
  return static_cast<std::int32_t>(std::stol(text));
}

}  // namespace

struct TokenizerConfig::Impl {
  // map: special_tokens_map.json, added: added_tokens.json, model: config.json
  std::string path, map_path, added_path, model_path;
  json config = json::object(), map = json::object(), added = json::object(),
       model = json::object();

  // special_tokens_map.json is the older file: it counts where there is no added_tokens_decoder,
  // and then wins.
  const json* role(std::string_view name) const {
    const bool older = find(config, "added_tokens_decoder") == nullptr;
    const json* value = older ? find(map, name) : nullptr;
    return value != nullptr ? value : find(config, name);
  }
};

TokenizerConfig::TokenizerConfig() : impl_(std::make_shared<Impl>()) {}

TokenizerConfig::TokenizerConfig(const std::string& folder) {
  auto impl = std::make_shared<Impl>();
  impl->path = (std::filesystem::path(folder) / "tokenizer_config.json").string();
  impl->map_path = (std::filesystem::path(folder) / "special_tokens_map.json").string();
  impl->added_path = (std::filesystem::path(folder) / "added_tokens.json").string();
  impl->model_path = (std::filesystem::path(folder) / "config.json").string();
  impl->config = read(impl->path);
  impl->map = read(impl->map_path);
  impl->added = read(impl->added_path);
  impl->model = read(impl->model_path);
  impl_ = std::move(impl);
  if (const std::string side = text("truncation_side", "right"); side != "right")
    throw Unsupported(path() + ": truncation_side is " + side + "; supported: right");
  if (flag("split_special_tokens").value_or(false))
    throw Unsupported(path() + ": split_special_tokens is true; supported: false");
}

const std::string& TokenizerConfig::path() const {
  return impl_->path;
}

bool TokenizerConfig::has(std::string_view key) const {
  return find(impl_->config, key) != nullptr;
}

std::string TokenizerConfig::text(std::string_view key, std::string_view fallback) const {
  return text_of(find(impl_->config, key), impl_->path, key, fallback);
}

std::optional<bool> TokenizerConfig::flag(std::string_view key) const {
  return flag_of(find(impl_->config, key), impl_->path, key);
}

std::optional<bool> TokenizerConfig::flag_in(std::string_view section, std::string_view key) const {
  const json* inner = find(impl_->config, section);
  return inner == nullptr ? std::nullopt : flag_of(find(*inner, key), impl_->path, key);
}

std::string TokenizerConfig::text_in(std::string_view section, std::string_view key,
                                     std::string_view fallback) const {
  const json* inner = find(impl_->config, section);
  return inner == nullptr ? std::string(fallback)
                          : text_of(find(*inner, key), impl_->path, key, fallback);
}

std::vector<std::string> TokenizerConfig::texts(std::string_view key) const {
  std::vector<std::string> out;
  const json* value = find(impl_->config, key);
  if (value == nullptr) return out;
  if (!value->is_array()) wrong(impl_->path, key, "an array of strings");
  for (const json& element : *value) {
    if (!element.is_string()) wrong(impl_->path, key, "an array of strings");
    out.push_back(element.get<std::string>());
  }
  return out;
}

std::string TokenizerConfig::tokenizer_class() const {
  const auto in_model = [&](std::string_view key, std::string_view fallback) {
    return text_of(find(impl_->model, key), impl_->model_path, key, fallback);
  };
  std::string name = text("tokenizer_class", "");
  if (name.empty()) name = in_model("tokenizer_class", class_of_model(in_model("model_type", "")));
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  return name;
}

bool TokenizerConfig::names_class() const {
  return has("tokenizer_class") || find(impl_->model, "tokenizer_class") != nullptr;
}

std::string TokenizerConfig::special(std::string_view role, std::string_view fallback) const {
  const json* value = impl_->role(role);
  return value == nullptr ? std::string(fallback)
                          : token_of(*value, impl_->path, role, true).content;
}

std::vector<AddedToken> TokenizerConfig::numbered_tokens() const {
  std::vector<AddedToken> tokens;
  if (const json* decoder = find(impl_->config, "added_tokens_decoder")) {
    if (!decoder->is_object()) wrong(impl_->path, "added_tokens_decoder", "an object");
    for (const auto& item : decoder->items()) {
      AddedToken token = token_of(item.value(), impl_->path, "added_tokens_decoder", false);
      token.id = parse_id(item.key(), impl_->path);
      tokens.push_back(std::move(token));
    }
  } else {
    const std::vector<AddedToken> special = special_tokens();
    for (const auto& item : impl_->added.items()) {
      if (!item.value().is_number_unsigned() || item.value().get<std::uint64_t>() > kLargestId)
        wrong(impl_->added_path, item.key(), "an id");
      AddedToken token;
      token.content = item.key();
      token.id = item.value().get<std::int32_t>();
      token.normalized = std::none_of(special.begin(), special.end(), same_content(token));
      tokens.push_back(std::move(token));
    }
  }
  std::erase_if(tokens, [](const AddedToken& token) { return token.content.empty(); });
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  return tokens;
}

std::vector<AddedToken> TokenizerConfig::special_tokens() const {
  std::vector<AddedToken> tokens;
  const auto add = [&](const json* value, const std::string& path, std::string_view key) {
    if (value == nullptr) return;
    AddedToken token = token_of(*value, path, key, true);
    if (!token.content.empty() && std::none_of(tokens.begin(), tokens.end(), same_content(token)))
      tokens.push_back(std::move(token));
  };
  const auto add_all = [&](const json& file, const std::string& path, std::string_view key) {
    const json* values = find(file, key);
    if (values == nullptr) return;
    if (!values->is_structured()) wrong(path, key, "an array of tokens");
    for (const json& value : *values) add(&value, path, key);
  };
  for (const char* role : kRoles) add(impl_->role(role), impl_->path, role);
  add_all(impl_->config, impl_->path, "additional_special_tokens");
  if (!has_decoder()) add_all(impl_->map, impl_->map_path, "additional_special_tokens");
  // Named ones in transformers 4, a list in 5.
  add_all(impl_->config, impl_->path, "extra_special_tokens");
  return tokens;
}

bool TokenizerConfig::gives_token_types() const {
  if (has("model_input_names")) {
    const std::vector<std::string> names = texts("model_input_names");
    return std::find(names.begin(), names.end(), "token_type_ids") != names.end();
  }
  return !among(kWithoutTypes, tokenizer_class());
}

bool TokenizerConfig::sets_template() const {
  return tokenizer_class() == "LlamaTokenizer" || tokenizer_class() == "GemmaTokenizer";
}

BertNormalizerOptions TokenizerConfig::bert_normalizer() const {
  BertNormalizerOptions options;
  options.lowercase = flag("do_lower_case").value_or(true);
  options.handle_chinese_chars = flag("tokenize_chinese_chars").value_or(true);
  options.strip_accents = flag("strip_accents").value_or(options.lowercase);
  return options;
}

std::optional<BertNormalizerOptions> TokenizerConfig::bert_override() const {
  if (!among(kBertLike, tokenizer_class())) return std::nullopt;
  return bert_normalizer();
}

}  // namespace narabi::tokenize
