#include "retrieve/index/analysis.h"

#include "base/thread_pool.h"
#include "retrieve/index/settings.h"
#include "retrieve/lexical/postings_shard.h"

namespace narabi::retrieve {
namespace {

constexpr std::size_t kShardsPerThread = 4;  // so that no thread waits long for the slowest
constexpr std::uint32_t kLongest = 65535;

}  // namespace

Analysis::Analysis(const IndexSettings& settings)
    : grams_(settings.bigrams && settings.bigram_weight > 0) {
  if (!settings.words) return;
  const std::string folder = text::find_dictionary("ipadic");
  dictionary_ = dictionary_stamp(folder);
  morphology_.emplace(folder);
}

std::unique_ptr<Analyzer> Analysis::borrow() const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto analyzer = std::move(idle_.back());
      idle_.pop_back();
      return analyzer;
    }
  }
  return std::make_unique<Analyzer>(morphology_ ? &*morphology_ : nullptr, grams_);
}

void Analysis::give_back(std::unique_ptr<Analyzer> analyzer) const {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(analyzer));
}

Terms Analysis::analyze_query(std::string_view query) const {
  auto analyzer = borrow();
  Terms terms;
  analyzer->analyze_query(query, terms);
  give_back(std::move(analyzer));
  return terms;
}

std::array<double, kFields> averages(const LengthSums& sums) {
  std::array<double, kFields> average = {1, 1};
  for (int field = 0; field < kFields; ++field) {
    if (sums.total[field] > 0)
      average[field] = static_cast<double>(sums.total[field]) / static_cast<double>(sums.documents);
  }
  return average;
}

WrittenFile write_segment(const std::string& path, const std::vector<StoredDocument>& documents,
                          const IndexSettings& settings, const Analysis& analysis,
                          base::ThreadPool& pool, const LengthSums& before) {
  const std::size_t count = documents.size();
  const std::size_t shards =
      std::min(count, kShardsPerThread * static_cast<std::size_t>(pool.threads()));
  std::vector<std::unique_ptr<TermSource>> sources(shards);
  SegmentDocuments all;
  all.numbers.resize(count);
  for (auto& lengths : all.lengths) lengths.resize(count);
  std::vector<std::array<std::uint64_t, kFields>> totals(shards);
  pool.parallel_for(shards, [&](std::size_t s, int) {
    auto analyzer = analysis.borrow();
    auto shard = std::make_unique<PostingsShard>();
    Terms title, text;
    for (std::size_t i = count * s / shards; i < count * (s + 1) / shards; ++i) {
      analyzer->analyze(documents[i].title, title);
      analyzer->analyze(documents[i].text, text);
      std::uint32_t lengths[kFields];
      shard->add(static_cast<std::uint32_t>(i), title, text,
                 static_cast<std::uint32_t>(settings.title_weight), lengths);
      all.numbers[i] = documents[i].number;
      for (int field = 0; field < kFields; ++field) {
        all.lengths[field][i] = static_cast<std::uint16_t>(std::min(lengths[field], kLongest));
        totals[s][field] += lengths[field];
      }
    }
    shard->sort();
    sources[s] = std::move(shard);
    analysis.give_back(std::move(analyzer));
  });
  LengthSums sums = before;
  sums.documents += count;
  for (const auto& total : totals) {
    for (int field = 0; field < kFields; ++field) {
      all.total_length[field] += total[field];
      sums.total[field] += total[field];
    }
  }
  SegmentWriter writer(path, std::move(all), {.k1 = settings.k1, .b = settings.b}, averages(sums));
  merge_terms(sources, writer);
  return writer.finish();
}

}  // namespace narabi::retrieve
