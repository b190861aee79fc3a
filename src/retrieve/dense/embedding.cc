#include "retrieve/dense/embedding.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <filesystem>

#include "base/mapped_file.h"
#include "base/paths.h"
#include "narabi/error.h"

namespace narabi::retrieve {
namespace {

constexpr std::size_t kTextsAtATime = 256;
constexpr std::pair<const char*, const char*> kPromptSettings[] = {{"query", "query_prompt"},
                                                                   {"document", "document_prompt"}};

// The prompt's name in the folder, rather of one that says something; empty where it has none.
std::string prompt_name(const Embedder& embedder, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (!embedder.prompt(name).empty()) return name;
  }
  for (const char* name : names) {
    if (embedder.names_prompt(name)) return name;
  }
  return "";
}

std::string document_prompt_name(const Embedder& embedder) {
  return prompt_name(embedder, {"document", "passage"});
}

std::string document_prompt(const Embedder& embedder) {
  return embedder.prompt(document_prompt_name(embedder));
}

std::string setting(const Store::Settings& settings, const char* key) {
  const auto found = settings.find(key);
  return found == settings.end() ? "" : found->second;
}

// What made the vectors: the prompts, hashes of the folder's weights, tokenizer and settings.
std::string embedder_stamp(const std::string& folder, const Embedder& embedder) {
  std::uint64_t hash = 0;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (entry.is_regular_file() && (extension == ".json" || extension == ".safetensors" ||
                                    extension == ".model" || extension == ".txt"))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    const base::MappedFile file(path.string());
    hash = XXH3_64bits_withSeed(file.text().data(), file.text().size(), hash + 1);
  }
  return std::to_string(embedder.dimension()) + " dimensions, query \"" + embedder.prompt("query") +
         "\", document \"" + document_prompt(embedder) + "\", files " + std::to_string(hash);
}

}  // namespace

Prompts stored_prompts(const Store::Settings& settings) {
  Prompts prompts;
  for (const auto& [name, key] : kPromptSettings) {
    if (const std::string text = setting(settings, key); !text.empty()) prompts[name] = text;
  }
  return prompts;
}

std::unique_ptr<Embedder> load_embedder(const Store::Settings& settings, const std::string& folder,
                                        const std::string& index, int threads,
                                        const Prompts& prompts) {
  const std::string named = setting(settings, "embedder");
  if (named.empty() && folder.empty())
    throw InvalidArgument(index + ": the index has no vectors: add them by narabi index " + index +
                          " --embedder DIR, or search with --retriever bm25");
  const std::string where = folder.empty() ? named : folder;
  if (!base::is_folder(where))
    throw IoError(where +
                  ": expected the folder of the index's embedder, found none: say where it is "
                  "by --embedder DIR");
  Prompts all = prompts;
  all.merge(stored_prompts(settings));
  auto embedder = std::make_unique<Embedder>(where, ModelOptions{.threads = threads}, all);
  const std::string stored = setting(settings, "embedder_stamp");
  const std::string found = embedder_stamp(where, *embedder);
  if (!stored.empty() && stored != found) {
    throw Unsupported(index + ": its vectors were made by another embedder (" + stored + "; " +
                      where + ": " + found +
                      "): use that one by --embedder DIR, or build another index");
  }
  return embedder;
}

void store_embedder(Store& store, const std::string& folder, const Embedder& embedder) {
  store.set("embedder", std::filesystem::absolute(folder).lexically_normal().string());
  store.set("embedder_stamp", embedder_stamp(folder, embedder));
  store.set("query_prompt", embedder.prompt("query"));
  store.set("document_prompt", document_prompt(embedder));
  store.set("dimension", std::to_string(embedder.dimension()));
}

std::vector<float> embed_passages(const Embedder& embedder,
                                  std::span<const std::string_view> texts) {
  return embedder.embed(texts, document_prompt_name(embedder));
}

std::vector<float> embed_documents(const Embedder& embedder,
                                   const std::vector<StoredDocument>& documents) {
  std::vector<float> vectors;
  vectors.reserve(documents.size() * static_cast<std::size_t>(embedder.dimension()));
  for (std::size_t begin = 0; begin < documents.size(); begin += kTextsAtATime) {
    const std::size_t end = std::min(documents.size(), begin + kTextsAtATime);
    std::vector<std::string> owned;
    for (std::size_t i = begin; i < end; ++i) {
      const StoredDocument& document = documents[i];
      owned.push_back(document.title.empty() ? document.text
                                             : document.title + " " + document.text);
    }
    const std::vector<std::string_view> texts(owned.begin(), owned.end());
    const std::vector<float> part = embed_passages(embedder, texts);
    vectors.insert(vectors.end(), part.begin(), part.end());
  }
  return vectors;
}

std::vector<float> embed_query(const Embedder& embedder, std::string_view query) {
  return embedder.embed({&query, 1}, prompt_name(embedder, {"query"}));
}

}  // namespace narabi::retrieve
