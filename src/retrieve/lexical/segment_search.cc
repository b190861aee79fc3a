#include "retrieve/lexical/segment_search.h"

#include <algorithm>
#include <cmath>

#include "kernels/bm25.h"

namespace narabi::retrieve {
namespace {

constexpr std::uint32_t kWindow = 8192;  // scores of a window: 32 KiB, half of a first-level cache
constexpr std::uint64_t kPostingsPerQuestion = 24;  // added up in the time of one question
constexpr std::uint64_t kPostingsPerCount = 2048;   // between two counts of the candidates

}  // namespace

SegmentSearch::SegmentSearch(const LexicalSearch& search, std::size_t segment,
                             const Bitmap* allowed, const std::vector<QueryTerm>& terms,
                             double scale, TopHits& top)
    : search_(search),
      segment_(search.segments()[segment]),
      allowed_(allowed),
      top_(top),
      scores_(kWindow),
      positions_(kWindow),
      values_(kWindow) {
  const Segment& file = *segment_.segment;
  const LexicalStatistics& all = search.statistics();
  for (int field = 0; field < kFields; ++field) lengths_[field] = file.lengths(field).data();
  terms_.reserve(terms.size());
  for (const QueryTerm& term : terms) {
    const auto& list = term.lists[segment];
    if (!list) continue;
    // The bounds were computed with the average length of their time. With a larger one an impact
    // grows, at most in proportion.
    const double growth =
        std::max(1.0, all.average_length[term.field] / file.header().average_length[term.field]);
    const auto weight = static_cast<float>(term.weight * scale);
    terms_.push_back({PostingsCursor(file, *list), term.field, weight,
                      static_cast<float>(weight * growth * (all.bm25.k1 + 1) / 255 * 1.00001), 0});
  }
  for (Term& term : terms_) order_.push_back(&term);
  up_to_.resize(terms_.size() + 1);
}

void SegmentSearch::run() {
  const std::uint32_t documents = segment_.segment->documents();
  for (std::uint32_t base = 0; base < documents; base += kWindow) {
    const std::uint32_t end = std::min(documents, base + kWindow);
    fetch_lengths(end, std::min(documents, end + kWindow));
    run_window(base, end);
  }
}

// Postings are read in a row, which the CPU sees by itself; the lengths of their documents are not.
void SegmentSearch::fetch_lengths(std::uint32_t base, std::uint32_t end) const {
  constexpr std::uint32_t kOfLine = 64 / sizeof(std::uint16_t);
  for (const std::uint16_t* lengths : lengths_) {
    for (std::uint32_t i = base; i < end; i += kOfLine) __builtin_prefetch(lengths + i);
  }
}

void SegmentSearch::run_window(std::uint32_t base, std::uint32_t end) {
  if (set_bounds(base, end) < top_.threshold()) return;
  std::size_t essential = 0;
  while (up_to_[essential + 1] < top_.threshold()) ++essential;
  for (std::size_t i = essential; i < order_.size(); ++i) {
    if (order_[i]->bound > 0) add_postings(*order_[i], base, end);
  }
  essential = add_while_cheaper(base, end, essential);
  collect(base, up_to_[essential]);
  complete(essential);
}

// Asking a list about one candidate unpacks a block; adding a posting up costs a fraction of that.
// So lists that need not be added up are, as long as there are many candidates for their postings;
// what they could add is known then, which leaves fewer candidates.
std::size_t SegmentSearch::add_while_cheaper(std::uint32_t base, std::uint32_t end,
                                             std::size_t essential) {
  std::uint64_t since_count = kPostingsPerCount, candidates = 0;
  for (; essential > 0; --essential) {
    Term& term = *order_[essential - 1];
    if (term.bound == 0) break;
    if (since_count >= kPostingsPerCount) {
      candidates = kernels::bm25().count(scores_.data(), kWindow, least_score(up_to_[essential]));
      since_count = 0;
    }
    const std::uint64_t postings =
        std::uint64_t{term.cursor.documents()} * (end - base) / segment_.segment->documents() + 1;
    if (postings > kPostingsPerQuestion * candidates) break;
    add_postings(term, base, end);
    since_count += postings;
  }
  return essential;
}

// What a document needs at least when it can gain no more than `missing`.
std::uint32_t SegmentSearch::least_score(std::int64_t missing) const {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(1, top_.threshold() - missing));
}

std::int64_t SegmentSearch::set_bounds(std::uint32_t base, std::uint32_t end) {
  for (Term& term : terms_) {
    term.bound = 0;
    if (!term.cursor.seek_block(base)) continue;
    const std::uint8_t bound = term.cursor.bound_until(end);
    if (bound > 0) term.bound = static_cast<std::int32_t>(term.bound_unit * bound) + 2;
  }
  std::sort(order_.begin(), order_.end(),
            [](const Term* a, const Term* b) { return a->bound < b->bound; });
  for (std::size_t i = 0; i < order_.size(); ++i) up_to_[i + 1] = up_to_[i] + order_[i]->bound;
  return up_to_.back();
}

void SegmentSearch::add_postings(Term& term, std::uint32_t base, std::uint32_t end) {
  kernels::Bm25Postings postings = {.base = base,
                                    .size = end - base,
                                    .lengths = lengths_[term.field] + base,
                                    .impact = search_.impacts_[term.field],
                                    .weight = term.weight};
  for (; !term.cursor.at_end(); term.cursor.next_block()) {
    postings.documents = term.cursor.block_documents();
    postings.frequencies = term.cursor.block_frequencies();
    postings.count = term.cursor.count();
    kernels::bm25().add(postings, scores_.data());
    if (term.cursor.block_last() >= end) return;  // the rest belongs to a later window
  }
}

void SegmentSearch::collect(std::uint32_t base, std::int64_t missing) {
  const std::size_t found = kernels::bm25().take(scores_.data(), kWindow, least_score(missing),
                                                 positions_.data(), values_.data());
  candidates_.clear();
  for (std::size_t i = 0; i < found; ++i) candidates_.push_back({base + positions_[i], values_[i]});
}

void SegmentSearch::complete(std::size_t essential) {
  for (std::size_t i = essential; i-- > 0 && !candidates_.empty();) {
    if (order_[i]->bound == 0) break;
    Term& term = *order_[i];
    std::size_t kept = 0;
    for (Candidate candidate : candidates_) {
      const std::uint32_t frequency = term.cursor.frequency_in(candidate.document);
      if (frequency > 0) {
        candidate.score +=
            kernels::bm25_points(search_.impacts_[term.field], term.weight, frequency,
                                 lengths_[term.field][candidate.document]);
      }
      if (candidate.score + up_to_[i] >= top_.threshold()) candidates_[kept++] = candidate;
    }
    candidates_.resize(kept);
  }
  const auto numbers = segment_.segment->numbers();
  for (const Candidate& candidate : candidates_) {
    if (candidate.score < top_.threshold()) continue;
    if (!segment_.dead.empty() && segment_.dead.test(candidate.document)) continue;
    if (allowed_ && !allowed_->test(candidate.document)) continue;
    top_.push({numbers[candidate.document], static_cast<std::int32_t>(candidate.score)});
  }
}

}  // namespace narabi::retrieve
