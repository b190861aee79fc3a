#include "data/collection.h"

#include <algorithm>
#include <filesystem>
#include <unordered_set>

#include "base/paths.h"
#include "data/json_lines.h"
#include "narabi/error.h"

namespace narabi::data {
namespace {

constexpr std::string_view kPacked[] = {"", ".gz", ".xz", ".zst"};

std::string text_or_nothing(const JsonLines& lines, std::string_view key) {
  return lines.has(key) ? lines.text(key) : "";
}

std::string id_of(const JsonLines& lines) {
  const auto id = lines.id();
  if (!id) throw InvalidFormat(lines.where() + ": expected the key \"id\"");
  return *id;
}

}  // namespace

std::size_t PassageTable::add(CollectionPassage passage) {
  const auto [found, fresh] = positions_.try_emplace(passage.id, passages_.size());
  if (fresh) passages_.push_back(std::move(passage));
  return found->second;
}

std::string find_file(const std::string& folder, std::string_view name) {
  for (const std::string_view packed : kPacked) {
    const auto path = std::filesystem::path(folder) / (std::string(name) + std::string(packed));
    if (base::is_file(path)) return path.string();
  }
  return {};
}

std::string need_file(const std::string& folder, std::string_view name) {
  const std::string path = find_file(folder, name);
  if (!path.empty()) return path;
  throw IoError(folder + ": there is no " + std::string(name) +
                " (nor .gz, .xz, .zst): tools/collections.py makes it from the published files");
}

std::vector<std::string> corpus_files(const std::string& folder) {
  std::vector<std::string> files;
  if (base::is_folder(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      for (const std::string_view packed : kPacked) {
        if (name.starts_with("corpus") && name.ends_with(".jsonl" + std::string(packed)))
          files.push_back(entry.path().string());
      }
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) need_file(folder, "corpus.jsonl");
  return files;
}

std::vector<CollectionQuery> read_collection_queries(const std::string& path) {
  std::vector<CollectionQuery> queries;
  for (JsonLines lines(path); lines.next();) {
    CollectionQuery query{id_of(lines), lines.text("text"), text_or_nothing(lines, "answer"), {}};
    if (lines.has("answer_candidates")) query.answer_candidates = lines.texts("answer_candidates");
    const auto& all = query.answer_candidates;
    if (!query.answer.empty() && std::find(all.begin(), all.end(), query.answer) == all.end())
      throw InvalidFormat(lines.where() + ": \"answer\" is not among \"answer_candidates\"");
    queries.push_back(std::move(query));
  }
  if (queries.empty()) throw InvalidFormat(path + ": expected queries, found none");
  return queries;
}

void read_passages(const std::vector<std::string>& files, const std::vector<std::string>& wanted,
                   PassageTable& table) {
  std::unordered_set<std::string> missing(wanted.begin(), wanted.end());
  for (const std::string& file : files) {
    for (JsonLines lines(file); !missing.empty() && lines.next();) {
      std::string id = id_of(lines);
      if (missing.erase(id) == 0) continue;
      table.add({std::move(id), text_or_nothing(lines, "title"), text_or_nothing(lines, "section"),
                 lines.text("text")});
    }
  }
  if (missing.empty()) return;
  throw InvalidFormat(files.front() + ": " + std::to_string(missing.size()) +
                      " passages of the candidates are not there, as " + *missing.begin());
}

}  // namespace narabi::data
