// Documents turned inside out in memory: what one thread has analysed of a batch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "retrieve/bm25/analyzer.h"
#include "retrieve/lexical/posting_list.h"
#include "retrieve/lexical/segment_format.h"

namespace narabi::retrieve {

// Filled in ascending order of documents, then read once as a TermSource.
class PostingsShard : public TermSource {
 public:
  // `title` counts `title_weight` times, as if it were repeated (BM25F of two fields).
  // lengths[field]: the terms of the document, counted that way.
  void add(std::uint32_t document, const Terms& title, const Terms& text,
           std::uint32_t title_weight, std::uint32_t (&lengths)[kFields]);
  void sort();  // after the last add(), before the first next()

  bool next() override;
  std::string_view term() const override;
  void append(PostingList& list) const override;

 private:
  struct Posting {
    std::uint32_t term, document, frequency;
  };
  struct Term {
    std::uint32_t text, bytes;  // in texts_, the field's letter first
    std::uint32_t last;         // the posting that was added last
    std::uint32_t count;        // postings
  };

  void count(std::uint32_t document, char letter, std::string_view text, std::uint32_t weight);
  std::uint32_t find_or_add(char letter, std::string_view text);
  void grow();
  std::string_view text_of(const Term& term) const {
    return std::string_view(texts_).substr(term.text, term.bytes);
  }

  std::vector<std::uint32_t> slots_;  // open addressing: term + 1, or 0
  std::string texts_, key_;
  std::vector<Term> terms_;
  std::vector<Posting> postings_;
  std::vector<std::uint32_t> order_;   // terms by text
  std::vector<std::uint32_t> begins_;  // of order_[i] in sorted_
  std::vector<std::uint32_t> sorted_;  // postings by term, then document
  std::size_t next_ = 0;
};

}  // namespace narabi::retrieve
