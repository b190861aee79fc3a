#include "retrieve/lexical/lexical_search.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "retrieve/lexical/segment_search.h"
#include "retrieve/numbers.h"

namespace narabi::retrieve {

LexicalStatistics statistics_of(std::span<const SearchedSegment> segments,
                                const Bm25Parameters& bm25,
                                const std::array<double, kFields>& field_weight) {
  LexicalStatistics all{.bm25 = bm25, .field_weight = field_weight};
  std::array<double, kFields> total = {};
  for (const SearchedSegment& segment : segments) {
    all.documents += segment.segment->documents();
    for (int field = 0; field < kFields; ++field)
      total[field] += static_cast<double>(segment.segment->header().total_length[field]);
  }
  for (int field = 0; field < kFields; ++field) {
    if (total[field] > 0)
      all.average_length[field] = total[field] / static_cast<double>(all.documents);
  }
  return all;
}

LexicalSearch::LexicalSearch(std::vector<SearchedSegment> segments,
                             const LexicalStatistics& statistics)
    : segments_(std::move(segments)), statistics_(statistics) {
  for (int field = 0; field < kFields; ++field)
    impacts_[field] = impact_of(statistics_.bm25, statistics_.average_length[field]);
}

std::vector<QueryTerm> LexicalSearch::terms_of(const Terms& query) const {
  std::map<std::string, QueryTerm> found;
  const std::vector<std::string>* parts[kFields] = {&query.words, &query.grams};
  for (int field = 0; field < kFields; ++field) {
    for (const std::string& text : *parts[field]) {
      QueryTerm& term = found[kFieldLetter[field] + text];
      term.field = field;
      ++term.count;
    }
  }
  std::vector<std::string_view> texts;
  for (const auto& [text, term] : found) texts.push_back(text);
  for (const SearchedSegment& segment : segments_) {
    const auto lists = segment.segment->find(texts);
    auto list = lists.begin();
    for (auto& [text, term] : found) {
      term.lists.push_back(*list++);
      if (term.lists.back()) term.documents += term.lists.back()->documents;
    }
  }
  std::vector<QueryTerm> terms;
  const auto all = static_cast<double>(statistics_.documents);
  for (auto& [text, term] : found) {
    if (term.documents == 0 || statistics_.field_weight[term.field] <= 0) continue;
    const auto df = static_cast<double>(term.documents);
    term.text = text;
    term.weight = term.count * statistics_.field_weight[term.field] *
                  std::log(1 + (all - df + 0.5) / (df + 0.5));
    terms.push_back(std::move(term));
  }
  std::sort(terms.begin(), terms.end(), [](const QueryTerm& a, const QueryTerm& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.text < b.text;
  });
  return terms;
}

std::vector<LexicalSearch::Hit> LexicalSearch::search(const Terms& query, std::size_t k,
                                                      std::span<const Bitmap> allowed) const {
  const std::vector<QueryTerm> terms = terms_of(query);
  double largest = 0;
  for (const QueryTerm& term : terms) largest += term.weight * (statistics_.bm25.k1 + 1);
  if (largest <= 0 || k == 0) return {};
  // The largest power of two with which no sum leaves 30 bits.
  const double scale = std::exp2(std::floor(std::log2(double(1 << 30) / largest)));
  TopHits top(k);
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    SegmentSearch(*this, i, allowed.empty() ? nullptr : &allowed[i], terms, scale, top).run();
  }
  std::vector<Hit> hits;
  for (const ScoredNumber& hit : top.take()) hits.push_back({hit.number, hit.score / scale});
  return hits;
}

bool LexicalSearch::is_alive(std::uint32_t number, std::span<const Bitmap> allowed) const {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const auto document = position_of(segments_[i].segment->numbers(), number);
    if (!document) continue;
    return (segments_[i].dead.empty() || !segments_[i].dead.test(*document)) &&
           (allowed.empty() || allowed[i].test(*document));
  }
  return false;
}

std::vector<LexicalSearch::Contribution> LexicalSearch::explain(const Terms& query,
                                                                std::uint32_t number) const {
  std::vector<Contribution> parts;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = *segments_[i].segment;
    const auto position = position_of(segment.numbers(), number);
    if (!position) continue;
    const auto document = static_cast<std::uint32_t>(*position);
    for (const QueryTerm& term : terms_of(query)) {
      Contribution part{.term = term, .length = segment.lengths(term.field)[document]};
      if (term.lists[i])
        part.frequency = PostingsCursor(segment, *term.lists[i]).frequency_in(document);
      if (part.frequency > 0)
        part.score = impacts_[term.field](static_cast<float>(part.frequency),
                                          static_cast<float>(part.length)) *
                     term.weight;
      parts.push_back(part);
    }
  }
  return parts;
}

}  // namespace narabi::retrieve
