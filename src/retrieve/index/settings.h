// The settings of an index and the stamp of what made its terms, as they stand in the store.
#pragma once

#include <optional>
#include <string>

#include "narabi/index.h"
#include "retrieve/store/store.h"

namespace narabi::retrieve {

// Changes when the same text could give other terms: normalisation, what counts as a letter, grams.
constexpr const char* kAnalyser = "nfkc-lower, letters+numbers+marks, mecab surfaces, 1-2-grams; 1";

// Throws InvalidArgument for a value out of range.
void check_settings(const IndexSettings& settings);
void store_settings(Store& store, const IndexSettings& settings, const std::string& dictionary);
IndexSettings load_settings(const Store::Settings& stored);
// Throws InvalidArgument naming the first setting that differs.
void check_same(const IndexSettings& stored, const IndexSettings& wanted,
                const std::string& folder);

// How the approximate index is searched; 0: not noted.
struct NotedSearch {
  std::size_t nprobe = 0;
  double refine = 0;
};
NotedSearch noted_search(const Store::Settings& stored);
void store_noted(Store& store, const NotedSearch& noted);

// Name, size and a hash of the dictionary in `folder`.
std::string dictionary_stamp(const std::string& folder);
// Throws Unsupported, saying what to do, when the terms were made by another analyser or
// dictionary.
void check_stamp(const Store::Settings& stored, const std::string& dictionary,
                 const std::string& folder);

}  // namespace narabi::retrieve
