// The embedder of an index: found, checked against the stamp, run over documents.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narabi/embedder.h"
#include "retrieve/store/store.h"

namespace narabi::retrieve {

// By name, "query" and "document", where the settings name them.
Prompts stored_prompts(const Store::Settings& settings);

// Loads `folder`, or where it is empty the folder that the settings name, with the prompts of the
// settings and with `prompts`. Throws Unsupported, saying what to do, when its stamp is not that of
// the settings.
std::unique_ptr<Embedder> load_embedder(const Store::Settings& settings, const std::string& folder,
                                        const std::string& index, int threads,
                                        const Prompts& prompts = {});
// What later loads need to know; empty prompts where there are none.
void store_embedder(Store& store, const std::string& folder, const Embedder& embedder);

// Row by row, with the prompt for documents.
std::vector<float> embed_passages(const Embedder& embedder,
                                  std::span<const std::string_view> texts);
// "title text" of each.
std::vector<float> embed_documents(const Embedder& embedder,
                                   const std::vector<StoredDocument>& documents);
std::vector<float> embed_query(const Embedder& embedder, std::string_view query);

}  // namespace narabi::retrieve
