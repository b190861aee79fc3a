// Training groups: a query, passages, and how relevant each one is. The formats that people have.
//
//   FlagEmbedding          {"query", "pos": [...], "neg": [...], "pos_scores"?, "neg_scores"?}
//   labelled list          {"query", "docs" or "passages": [...], "labels": [...], "scores"?}
//   triplet, n-tuple       {"query" or "anchor", "positive", "negative", "negative_1"?, ...}
//   labelled pair          {"query" or "sentence1", "passage" or "sentence2", "label" or "score"}
//                          (lines in a row with the same query are one group)
//   MS MARCO triples       TSV: query, positive, negative
// Scores are a teacher's logits, to distil from. The first line of a file decides its format.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace narabi::data {

struct Group {
  std::string query;
  std::vector<std::string> passages;
  std::vector<float> labels;   // one per passage: 1 relevant, 0 not, or graded
  std::vector<float> teacher;  // one logit per passage, or empty
};

// One JSON line in FlagEmbedding's form: passages with a label above 0 are its positives.
std::string to_json_line(const Group& group);

// A file of groups, any of which can be read at once; .gz, .xz, .zst and "-" (standard input) are
// held unpacked in memory. The constructor reads every line once, so that hours of work do not end
// at a bad one: throws InvalidFormat naming file, line, key, expected and found. A group needs a
// query, two passages, the relevant ones with text, labels that are not all equal (unless it has
// teacher scores), and finite numbers.
class GroupFile {
 public:
  explicit GroupFile(const std::string& path);
  ~GroupFile();
  GroupFile(GroupFile&&) noexcept;

  std::size_t size() const;
  Group read(std::size_t index) const;
  bool has_teacher() const;  // every group has teacher scores
  // Throws InvalidFormat naming the first group whose labels are all equal, as those with teacher
  // scores may be: for losses that read labels alone.
  void require_contrast() const;
  // Throws InvalidFormat naming the first line with a label outside of [low, high] and `who` asks.
  void require_labels(double low, double high, const std::string& who) const;
  std::string where(std::size_t index) const;  // "FILE:LINE" of the group's first line

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::data
