// The embedder of an index: found, checked against the stamp, run over documents.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "narabi/embedder.h"
#include "retrieve/store/store.h"

namespace narabi::retrieve {

// What made the vectors: hashes of the folder's weights, tokenizer and settings, and the prompts.
std::string embedder_stamp(const std::string& folder, const Embedder& embedder);

// Loads `folder`, or where it is empty the folder that the settings name. Throws Unsupported,
// saying what to do, when its stamp is not that of the settings.
std::unique_ptr<Embedder> load_embedder(const Store::Settings& settings, const std::string& folder,
                                        const std::string& index, int threads);

// Row by row; "title text" with the folder's prompt for documents.
std::vector<float> embed_documents(const Embedder& embedder,
                                   const std::vector<StoredDocument>& documents);
std::vector<float> embed_query(const Embedder& embedder, std::string_view query);

}  // namespace narabi::retrieve
