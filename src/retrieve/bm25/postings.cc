#include "retrieve/bm25/postings.h"

#include <cmath>
#include <numeric>

namespace narabi::retrieve {

void Postings::add(const std::vector<std::string>& terms) {
  const auto document = static_cast<std::uint32_t>(lengths_.size());
  lengths_.push_back(static_cast<std::uint32_t>(terms.size()));
  for (const std::string& term : terms) {
    const auto [found, fresh] = terms_.try_emplace(term, static_cast<std::uint32_t>(lists_.size()));
    if (fresh) lists_.emplace_back();
    std::vector<Posting>& postings = lists_[found->second].postings;
    if (postings.empty() || postings.back().document != document) {
      postings.push_back({document, 1});
    } else {
      ++postings.back().frequency;
    }
  }
}

void Postings::finish(const Bm25Options& options) {
  const auto count = static_cast<double>(lengths_.size());
  const double total = std::accumulate(lengths_.begin(), lengths_.end(), 0.0);
  const double average = total > 0 ? total / count : 1;
  k1_ = static_cast<float>(options.k1);
  norms_.reserve(lengths_.size());
  for (const std::uint32_t length : lengths_) {
    norms_.push_back(
        static_cast<float>(options.k1 * (1 - options.b + options.b * length / average)));
  }
  for (List& list : lists_) {
    const auto df = static_cast<double>(list.postings.size());
    list.idf = static_cast<float>(std::log(1 + (count - df + 0.5) / (df + 0.5)));
    list.postings.shrink_to_fit();
  }
}

void Postings::accumulate(const std::vector<std::string>& query, float weight,
                          std::vector<float>& scores) const {
  for (const std::string& term : query) {
    const auto found = terms_.find(term);
    if (found == terms_.end()) continue;
    const List& list = lists_[found->second];
    const float factor = weight * list.idf * (k1_ + 1);
    for (const auto& [document, frequency] : list.postings) {
      const auto tf = static_cast<float>(frequency);
      scores[document] += factor * tf / (tf + norms_[document]);
    }
  }
}

}  // namespace narabi::retrieve
