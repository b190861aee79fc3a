// A collection to evaluate with, as tools/collections.py lays the published ones out in a folder:
//
//   queries.jsonl    {"id", "text", "answer"?, "answer_candidates"?}
//   corpus.jsonl     {"id", "title"?, "section"?, "text"}; several files corpus*.jsonl will do
//   qrels.trec       judgements; none where answers are
//   candidates.run   a fixed set of passages for each query, where the collection has one
// Each of them may be packed (.gz, .xz, .zst).
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace narabi::data {

struct CollectionQuery {
  std::string id, text;
  std::string answer;                          // empty where judgements are
  std::vector<std::string> answer_candidates;  // the answer among them
};

struct CollectionPassage {
  std::string id, title, section, text;
};

// Passages in memory, by position and by id.
class PassageTable {
 public:
  // The position of the passage; one of that id that is there stays as it is.
  std::size_t add(CollectionPassage passage);
  bool contains(const std::string& id) const { return positions_.contains(id); }
  std::size_t at(const std::string& id) const { return positions_.at(id); }
  const CollectionPassage& operator[](std::size_t position) const { return passages_[position]; }
  std::size_t size() const { return passages_.size(); }

 private:
  std::vector<CollectionPassage> passages_;
  std::unordered_map<std::string, std::size_t> positions_;
};

// `name` in `folder`, or packed; empty when there is none.
std::string find_file(const std::string& folder, std::string_view name);
// find_file(), or IoError that says how to make it.
std::string need_file(const std::string& folder, std::string_view name);
// corpus*.jsonl by name, packed or not; IoError when there is none.
std::vector<std::string> corpus_files(const std::string& folder);

// Throws IoError, InvalidFormat.
std::vector<CollectionQuery> read_collection_queries(const std::string& path);
// The passages of `wanted` only; InvalidFormat for one that no file holds.
void read_passages(const std::vector<std::string>& files, const std::vector<std::string>& wanted,
                   PassageTable& table);

}  // namespace narabi::data
