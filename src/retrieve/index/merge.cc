#include "retrieve/index/merge.h"

#include <algorithm>

#include "retrieve/index/folder.h"
#include "retrieve/lexical/segment.h"

namespace narabi::retrieve {
namespace {

constexpr std::size_t kFactor = 8;
constexpr std::uint64_t kSmallest = 1024;  // documents; all smaller segments are of one size

int tier_of(const SegmentRecord& record) {
  int tier = 0;
  for (std::uint64_t size = record.documents / kSmallest; size > 0; size /= kFactor) ++tier;
  return tier;
}

// Appends the living documents of a segment; where each of them goes.
std::vector<std::uint32_t> take_documents(const Segment& segment,
                                          const std::vector<std::uint32_t>& dead,
                                          SegmentDocuments& all) {
  std::vector<std::uint32_t> positions(segment.documents(), SegmentTerms::kDropped);
  for (std::uint32_t i = 0; i < segment.documents(); ++i) {
    const std::uint32_t number = segment.numbers()[i];
    if (std::binary_search(dead.begin(), dead.end(), number)) continue;
    positions[i] = static_cast<std::uint32_t>(all.numbers.size());
    all.numbers.push_back(number);
    for (int field = 0; field < kFields; ++field) {
      all.lengths[field].push_back(segment.lengths(field)[i]);
      all.total_length[field] += segment.lengths(field)[i];
    }
  }
  return positions;
}

}  // namespace

std::vector<SegmentRecord> segments_of(Store& store, const std::string& kind) {
  std::vector<SegmentRecord> records = store.segments();
  std::erase_if(records, [&](const SegmentRecord& record) { return record.kind != kind; });
  return records;
}

void add_lengths(const std::string& path, LengthSums& sums) {
  const Segment segment(path);
  sums.documents += segment.documents();
  for (int field = 0; field < kFields; ++field)
    sums.total[field] += segment.header().total_length[field];
}

LengthSums length_sums(Store& store, const std::string& folder) {
  LengthSums sums;
  for (const SegmentRecord& record : segments_of(store, "lexical"))
    add_lengths(segment_path(folder, record.file), sums);
  return sums;
}

std::vector<SegmentRecord> run_to_merge(const std::vector<SegmentRecord>& segments) {
  int highest = 0;
  for (const SegmentRecord& record : segments) highest = std::max(highest, tier_of(record));
  for (int tier = 0; tier <= highest; ++tier) {
    // Smaller ones go along but do not count: else seven of them would have the largest copied.
    std::size_t begin = segments.size(), of_this_size = 0;
    while (begin > 0 && tier_of(segments[begin - 1]) <= tier)
      of_this_size += tier_of(segments[--begin]) == tier;
    if (of_this_size >= kFactor)
      return {segments.begin() + static_cast<std::ptrdiff_t>(begin), segments.end()};
  }
  return {};
}

std::optional<SegmentRecord> merge_segments(Store& store, const std::string& folder,
                                            const std::vector<SegmentRecord>& run,
                                            const std::string& file, const Bm25Parameters& bm25,
                                            const std::array<double, kFields>& average_length) {
  std::vector<std::unique_ptr<Segment>> segments;
  std::vector<std::vector<std::uint32_t>> positions;
  SegmentDocuments all;
  for (const SegmentRecord& record : run) {
    segments.push_back(std::make_unique<Segment>(segment_path(folder, record.file)));
    positions.push_back(
        take_documents(*segments.back(), store.tombstones(record.first, record.last), all));
  }
  if (all.numbers.empty()) return std::nullopt;
  SegmentRecord merged{.file = file,
                       .kind = "lexical",
                       .documents = all.numbers.size(),
                       .first = all.numbers.front(),
                       .last = all.numbers.back()};
  std::vector<std::unique_ptr<TermSource>> sources;
  for (std::size_t i = 0; i < segments.size(); ++i)
    sources.push_back(std::make_unique<SegmentTerms>(*segments[i], positions[i]));
  SegmentWriter writer(segment_path(folder, file), std::move(all), bm25, average_length);
  merge_terms(sources, writer);
  const WrittenFile written = writer.finish();
  merged.bytes = written.bytes;
  merged.checksum = written.checksum;
  return merged;
}

}  // namespace narabi::retrieve
