#include "retrieve/index/settings.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/mapped_file.h"
#include "narabi/error.h"

namespace narabi::retrieve {
namespace {

std::string shortest(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

double number(const Store::Settings& stored, const char* key) {
  const auto found = stored.find(key);
  double value = 0;
  if (found == stored.end() ||
      std::from_chars(found->second.data(), found->second.data() + found->second.size(), value)
              .ec != std::errc{}) {
    throw InvalidFormat(std::string("the index has no setting \"") + key +
                        "\" that is a number: restore it from a copy or build it again");
  }
  return value;
}

Store::Settings as_text(const IndexSettings& settings) {
  return {{"words", settings.words ? "1" : "0"},
          {"bigrams", settings.bigrams ? "1" : "0"},
          {"word_weight", shortest(settings.word_weight)},
          {"bigram_weight", shortest(settings.bigram_weight)},
          {"title_weight", std::to_string(settings.title_weight)},
          {"k1", shortest(settings.k1)},
          {"b", shortest(settings.b)}};
}

}  // namespace

void check_settings(const IndexSettings& settings) {
  const auto in_range = [](const char* name, double value, double low, double high) {
    if (value >= low && value <= high) return;
    throw InvalidArgument(std::string(name) + ": expected " + shortest(low) + " to " +
                          shortest(high) + ", found " + shortest(value));
  };
  in_range("k1", settings.k1, 0, 100);
  in_range("b", settings.b, 0, 1);
  in_range("title weight", settings.title_weight, 0, 16);
  in_range("word weight", settings.word_weight, 0, 1000);
  in_range("bigram weight", settings.bigram_weight, 0, 1000);
  if (!settings.words && !settings.bigrams)
    throw InvalidArgument("an index needs words, bigrams, or both");
}

void store_settings(Store& store, const IndexSettings& settings, const std::string& dictionary) {
  for (const auto& [key, value] : as_text(settings)) store.set(key, value);
  store.set("analyser", kAnalyser);
  store.set("dictionary", dictionary);
}

IndexSettings load_settings(const Store::Settings& stored) {
  return {.words = number(stored, "words") != 0,
          .bigrams = number(stored, "bigrams") != 0,
          .word_weight = number(stored, "word_weight"),
          .bigram_weight = number(stored, "bigram_weight"),
          .title_weight = static_cast<int>(number(stored, "title_weight")),
          .k1 = number(stored, "k1"),
          .b = number(stored, "b")};
}

void check_same(const IndexSettings& stored, const IndexSettings& wanted,
                const std::string& folder) {
  const Store::Settings have = as_text(stored), want = as_text(wanted);
  for (const auto& [key, value] : want) {
    if (have.at(key) == value) continue;
    throw InvalidArgument(folder + ": the index was made with " + key + " " + have.at(key) +
                          ", asked for was " + value + ": leave it out, or build another index");
  }
}

NotedSearch noted_search(const Store::Settings& stored) {
  if (stored.count("nprobe") == 0) return {};
  return {.nprobe = static_cast<std::size_t>(number(stored, "nprobe")),
          .refine = number(stored, "refine")};
}

void store_noted(Store& store, const NotedSearch& noted) {
  store.set("nprobe", std::to_string(noted.nprobe));
  store.set("refine", shortest(noted.refine));
}

std::string dictionary_stamp(const std::string& folder) {
  constexpr std::size_t kPart = 1 << 20;
  const base::MappedFile file((std::filesystem::path(folder) / "sys.dic").string());
  const std::string_view text = file.text();
  const std::size_t part = std::min(kPart, text.size());
  const std::uint64_t head = XXH3_64bits(text.data(), part);
  const std::uint64_t all = XXH3_64bits_withSeed(text.data() + text.size() - part, part, head);
  return std::filesystem::path(folder).filename().string() + ", " + std::to_string(text.size()) +
         " bytes, " + std::to_string(all);
}

void check_stamp(const Store::Settings& stored, const std::string& dictionary,
                 const std::string& folder) {
  const auto found = [&](const char* key) {
    const auto at = stored.find(key);
    return at == stored.end() ? std::string() : at->second;
  };
  const auto refuse = [&](const char* what, const std::string& then, const std::string& now) {
    throw Unsupported(
        folder + ": the index was made with another " + what + " (" + then + "; here: " + now +
        "): use that one, or make the terms anew by narabi index " + folder + " rebuild");
  };
  if (found("analyser") != kAnalyser) refuse("analyser", found("analyser"), kAnalyser);
  if (found("dictionary") != dictionary) refuse("dictionary", found("dictionary"), dictionary);
}

}  // namespace narabi::retrieve
