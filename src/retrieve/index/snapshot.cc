#include "retrieve/index/snapshot.h"

#include <algorithm>
#include <functional>

#include "narabi/error.h"
#include "retrieve/index/filter.h"
#include "retrieve/index/folder.h"
#include "retrieve/index/merge.h"
#include "retrieve/index/vectors.h"
#include "retrieve/numbers.h"

namespace narabi::retrieve {
namespace {

void set_bit(Bitmap& bits, const Segment& segment, std::uint32_t number) {
  if (const auto position = position_of(segment.numbers(), number)) bits.set(*position);
}

Bitmap dead_of(Store& store, const SegmentRecord& record, const Segment& segment) {
  const auto dead = store.tombstones(record.first, record.last);
  if (dead.empty()) return {};
  Bitmap bits(segment.documents());
  for (const std::uint32_t number : dead) set_bit(bits, segment, number);
  return bits;
}

}  // namespace

std::shared_ptr<const Snapshot> load_snapshot(Store& store, const std::string& folder,
                                              const IndexSettings& settings) {
  std::vector<SearchedSegment> segments;
  for (const SegmentRecord& record : segments_of(store, "lexical")) {
    auto segment = std::make_shared<const Segment>(segment_path(folder, record.file));
    if (segment->header().file_bytes != record.bytes || segment->documents() != record.documents)
      segment->damaged("it is not the one that the store's manifest names");
    Bitmap dead = dead_of(store, record, *segment);
    segments.push_back({std::move(segment), std::move(dead)});
  }
  const LexicalStatistics statistics =
      statistics_of(segments, {.k1 = settings.k1, .b = settings.b},
                    {settings.word_weight, settings.bigram_weight});
  std::vector<std::shared_ptr<const VectorFile>> vectors;
  for (const SegmentRecord& record : segments_of(store, "vectors"))
    vectors.push_back(std::make_shared<const VectorFile>(segment_path(folder, record.file)));
  std::optional<SegmentRecord> ann;
  for (const SegmentRecord& record : segments_of(store, "faiss")) ann = record;
  return std::make_shared<const Snapshot>(
      Snapshot{store.counter("generation"), LexicalSearch(std::move(segments), statistics),
               std::move(vectors), std::move(ann), noted_search(store.settings())});
}

std::vector<Bitmap> allowed_documents(Store& store, const Snapshot& snapshot,
                                      std::string_view filter) {
  const FilterSql sql = compile_filter(filter);
  Statement rows = store.database().prepare("SELECT number FROM documents WHERE " + sql.condition);
  int index = 0;
  for (const auto& parameter : sql.parameters)
    std::visit([&](const auto& value) { rows.bind(index++, value); }, parameter);
  std::vector<Bitmap> allowed;
  const auto& segments = snapshot.lexical.segments();
  for (const SearchedSegment& segment : segments)
    allowed.emplace_back(segment.segment->documents());
  while (rows.step()) {
    const auto number = static_cast<std::uint32_t>(rows.integer(0));
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const auto numbers = segments[i].segment->numbers();
      if (number < numbers.front() || number > numbers.back()) continue;
      set_bit(allowed[i], *segments[i].segment, number);
      break;
    }
  }
  return allowed;
}

namespace {

// Every living document of the store has to be in a segment, and nothing else alive in one.
void compare_documents(Store& store, std::vector<std::uint32_t> in_segments,
                       std::vector<std::string>& problems) {
  std::sort(in_segments.begin(), in_segments.end());
  std::size_t next = 0, missing = 0, damaged = 0, count = 0, strangers = 0;
  std::string first_damaged;
  store.for_each(0, ~0ull >> 1, [&](const StoredDocument& document, std::uint64_t hash) {
    ++count;
    if (hash != content_hash(document.title, document.text, document.metadata) && ++damaged == 1)
      first_damaged = document.id;
    for (; next < in_segments.size() && in_segments[next] < document.number; ++next) ++strangers;
    if (next < in_segments.size() && in_segments[next] == document.number) {
      ++next;
    } else {
      ++missing;
    }
  });
  strangers += in_segments.size() - next;
  const std::string file = store.database().path();
  if (damaged > 0)
    problems.push_back(file + ": " + std::to_string(damaged) +
                       " documents differ from their checksum, the first is " + first_damaged +
                       ": add them again from the corpus");
  if (missing > 0)
    problems.push_back(std::to_string(missing) +
                       " stored documents are in no segment: narabi index INDEX rebuild");
  if (strangers > 0)
    problems.push_back(std::to_string(strangers) +
                       " documents of segments are not in the store: narabi index INDEX rebuild");
  if (count != store.counter("documents"))
    problems.push_back(file + ": expected " + std::to_string(store.counter("documents")) +
                       " documents, found " + std::to_string(count));
}

}  // namespace

namespace {

// The numbers of the documents in a file of vectors.
std::vector<std::uint32_t> checked_vectors(const SegmentRecord& record, const std::string& path,
                                           std::vector<std::string>& problems) {
  const VectorFile file(path);
  const auto numbers = file.numbers();
  if (file.checksum() != record.checksum) {
    problems.push_back(path + ": its checksum differs: narabi index INDEX rebuild");
  } else if (std::adjacent_find(numbers.begin(), numbers.end(), std::greater_equal<>()) !=
             numbers.end()) {
    problems.push_back(path +
                       ": its documents' numbers do not ascend, so that some vectors are "
                       "not found: narabi index INDEX compact");
  }
  return {numbers.begin(), numbers.end()};
}

// Where the index has vectors, every stored document has to have one.
void check_vectors(Store& store, const std::string& folder, std::vector<std::string>& problems) {
  std::vector<std::uint32_t> embedded;
  bool all_open = true;
  for (const SegmentRecord& record : segments_of(store, "vectors")) {
    try {
      const auto numbers = checked_vectors(record, segment_path(folder, record.file), problems);
      embedded.insert(embedded.end(), numbers.begin(), numbers.end());
    } catch (const Error& error) {
      problems.push_back(error.what());
      all_open = false;
    }
  }
  for (const SegmentRecord& record : segments_of(store, "faiss")) {
    const std::string path = segment_path(folder, record.file);
    try {
      if (file_checksum(path) != record.checksum)
        problems.push_back(path + ": its checksum differs: narabi index INDEX rebuild");
    } catch (const Error& error) {
      problems.push_back(error.what());
    }
  }
  if (!all_open || !store.settings().contains("embedder")) return;
  std::sort(embedded.begin(), embedded.end());
  std::size_t missing = 0;
  Statement rows = store.database().prepare("SELECT number FROM documents");
  while (rows.step()) {
    missing += !std::binary_search(embedded.begin(), embedded.end(),
                                   static_cast<std::uint32_t>(rows.integer(0)));
  }
  if (missing > 0)
    problems.push_back(std::to_string(missing) +
                       " stored documents have no vector: narabi index INDEX rebuild");
}

}  // namespace

std::vector<std::string> find_problems(Store& store, const std::string& folder) {
  std::vector<std::string> problems;
  if (const std::string problem = store.integrity_problem(); !problem.empty())
    problems.push_back(store.database().path() + ": " + problem);
  std::vector<std::uint32_t> numbers;
  bool all_open = true;
  check_vectors(store, folder, problems);
  for (const SegmentRecord& record : segments_of(store, "lexical")) {
    try {
      const Segment segment(segment_path(folder, record.file));
      if (segment.header().file_bytes != record.bytes) segment.damaged("its length differs");
      if (segment.checksum() != record.checksum) segment.damaged("its checksum differs");
      const auto dead = store.tombstones(record.first, record.last);
      for (const std::uint32_t number : segment.numbers()) {
        if (!std::binary_search(dead.begin(), dead.end(), number)) numbers.push_back(number);
      }
    } catch (const Error& error) {
      problems.push_back(error.what());
      all_open = false;
    }
  }
  if (all_open) compare_documents(store, std::move(numbers), problems);
  return problems;
}

}  // namespace narabi::retrieve
