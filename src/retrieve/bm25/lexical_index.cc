#include <algorithm>
#include <mutex>
#include <optional>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "narabi/search.h"
#include "retrieve/bm25/analyzer.h"
#include "retrieve/bm25/postings.h"

namespace narabi {
namespace {

using retrieve::Analyzer;
using retrieve::Postings;
using retrieve::Terms;

constexpr std::size_t kBatch = 1024;  // documents whose terms are in memory at a time

std::string indexed_text(const Document& document) {
  return document.title.empty() ? document.text : document.title + " " + document.text;
}

bool better(const Hit& a, const Hit& b) {
  return a.score != b.score ? a.score > b.score : a.document < b.document;
}

}  // namespace

struct LexicalIndex::Impl {
  std::vector<Document> documents;
  LexicalOptions options;
  std::optional<text::Morphology> morphology;
  Postings words, grams;
  mutable std::mutex mutex;
  mutable std::vector<std::unique_ptr<Analyzer>> idle;  // analysers that no thread uses now

  Impl(std::vector<Document> given, const LexicalOptions& wanted)
      : documents(std::move(given)), options(wanted) {
    if (options.words) morphology.emplace(text::find_dictionary("ipadic"));
    base::ThreadPool pool(base::available_cores());
    std::vector<Analyzer> analyzers;
    analyzers.reserve(static_cast<std::size_t>(pool.threads()));
    for (int i = 0; i < pool.threads(); ++i) analyzers.push_back(make_analyzer());
    std::vector<Terms> batch(kBatch);
    for (std::size_t begin = 0; begin < documents.size(); begin += kBatch) {
      const std::size_t count = std::min(kBatch, documents.size() - begin);
      pool.parallel_for(count, [&](std::size_t i, int worker) {
        analyzers[static_cast<std::size_t>(worker)].analyze(indexed_text(documents[begin + i]),
                                                            batch[i]);
      });
      for (std::size_t i = 0; i < count; ++i) {
        if (options.words) words.add(batch[i].words);
        if (options.bigrams) grams.add(batch[i].grams);
      }
    }
    words.finish({.k1 = options.k1, .b = options.b});
    grams.finish({.k1 = options.k1, .b = options.b});
  }

  Analyzer make_analyzer() const {
    return Analyzer(morphology ? &*morphology : nullptr,
                    options.bigrams && options.bigram_weight > 0);
  }

  void analyze(std::string_view query, Terms& terms) const {
    std::unique_ptr<Analyzer> analyzer;
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        analyzer = std::move(idle.back());
        idle.pop_back();
      }
    }
    if (!analyzer) analyzer = std::make_unique<Analyzer>(make_analyzer());
    analyzer->analyze_query(query, terms);
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(analyzer));
  }
};

LexicalIndex::LexicalIndex(std::vector<Document> documents, const LexicalOptions& options)
    : impl_(std::make_unique<Impl>(std::move(documents), options)) {}
LexicalIndex::~LexicalIndex() = default;
LexicalIndex::LexicalIndex(LexicalIndex&&) noexcept = default;
LexicalIndex& LexicalIndex::operator=(LexicalIndex&&) noexcept = default;

std::vector<Hit> LexicalIndex::search(std::string_view query, std::size_t k) const {
  Terms terms;
  impl_->analyze(query, terms);
  std::vector<float> scores(impl_->documents.size(), 0.0f);
  if (impl_->options.words)
    impl_->words.accumulate(terms.words, static_cast<float>(impl_->options.word_weight), scores);
  if (impl_->options.bigrams)
    impl_->grams.accumulate(terms.grams, static_cast<float>(impl_->options.bigram_weight), scores);
  std::vector<Hit> hits;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > 0) hits.push_back({i, scores[i]});
  }
  const std::size_t count = std::min(k, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(count), hits.end(),
                    better);
  hits.resize(count);
  return hits;
}

const Document& LexicalIndex::document(std::size_t position) const {
  return impl_->documents.at(position);
}
std::size_t LexicalIndex::size() const {
  return impl_->documents.size();
}

}  // namespace narabi
