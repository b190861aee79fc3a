#include "retrieve/lexical/postings_shard.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <numeric>

namespace narabi::retrieve {

void PostingsShard::add(std::uint32_t document, const Terms& title, const Terms& text,
                        std::uint32_t title_weight, std::uint32_t (&lengths)[kFields]) {
  const std::vector<std::string>* parts[kFields][2] = {{&title.words, &text.words},
                                                       {&title.grams, &text.grams}};
  const std::uint32_t weights[2] = {title_weight, 1};
  for (int field = 0; field < kFields; ++field) {
    lengths[field] = 0;
    for (int part = 0; part < 2; ++part) {
      if (weights[part] == 0) continue;
      for (const std::string& term : *parts[field][part])
        count(document, kFieldLetter[field], term, weights[part]);
      lengths[field] += weights[part] * static_cast<std::uint32_t>(parts[field][part]->size());
    }
  }
}

void PostingsShard::count(std::uint32_t document, char letter, std::string_view text,
                          std::uint32_t weight) {
  const std::uint32_t index = find_or_add(letter, text);
  Term& term = terms_[index];
  if (term.count > 0 && postings_[term.last].document == document) {
    postings_[term.last].frequency += weight;
    return;
  }
  term.last = static_cast<std::uint32_t>(postings_.size());
  ++term.count;
  postings_.push_back({index, document, weight});
}

std::uint32_t PostingsShard::find_or_add(char letter, std::string_view text) {
  if (2 * (terms_.size() + 1) > slots_.size()) grow();
  key_.assign(1, letter).append(text);
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = XXH3_64bits(key_.data(), key_.size()) & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    if (text_of(terms_[slots_[slot] - 1]) == key_) return slots_[slot] - 1;
  }
  terms_.push_back(
      {static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(key_.size()), 0, 0});
  texts_ += key_;
  slots_[slot] = static_cast<std::uint32_t>(terms_.size());
  return slots_[slot] - 1;
}

void PostingsShard::grow() {
  slots_.assign(std::max<std::size_t>(1 << 12, 2 * slots_.size()), 0);
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t i = 0; i < terms_.size(); ++i) {
    const std::string_view text = text_of(terms_[i]);
    std::size_t slot = XXH3_64bits(text.data(), text.size()) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = i + 1;
  }
}

void PostingsShard::sort() {
  order_.resize(terms_.size());
  std::iota(order_.begin(), order_.end(), 0u);
  std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return text_of(terms_[a]) < text_of(terms_[b]);
  });
  std::vector<std::uint32_t> at(terms_.size());
  begins_.clear();
  std::uint32_t begin = 0;
  for (const std::uint32_t term : order_) {
    begins_.push_back(begin);
    at[term] = begin;
    begin += terms_[term].count;
  }
  begins_.push_back(begin);
  sorted_.resize(postings_.size());
  for (std::uint32_t i = 0; i < postings_.size(); ++i) sorted_[at[postings_[i].term]++] = i;
}

bool PostingsShard::next() {
  return next_++ < order_.size();
}

std::string_view PostingsShard::term() const {
  return text_of(terms_[order_[next_ - 1]]);
}

void PostingsShard::append(PostingList& list) const {
  for (std::uint32_t i = begins_[next_ - 1]; i < begins_[next_]; ++i) {
    const Posting& posting = postings_[sorted_[i]];
    list.documents.push_back(posting.document);
    list.frequencies.push_back(posting.frequency);
  }
}

}  // namespace narabi::retrieve
