#include "retrieve/index/vectors.h"

#define XXH_INLINE_ALL
#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/mapped_file.h"
#include "narabi/error.h"
#include "retrieve/dense/embedding.h"
#include "retrieve/index/folder.h"

namespace narabi::retrieve {
namespace {

constexpr double kRefine = 4;
constexpr std::size_t kRowsAhead = 8;  // that are fetched from memory while others are multiplied
// Documents that a filter lets through: so many rows are multiplied in a few milliseconds, while
// lists would have to be searched the deeper, the fewer they are.
constexpr std::size_t kFewAllowed = 10'000;

void sync_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) throw IoError(path + ": cannot sync: " + std::strerror(errno));
}

// numbers: ascending.
SegmentRecord record_of(const std::string& file, const std::vector<std::uint32_t>& numbers,
                        const WrittenFile& written) {
  return {file,           "vectors",     numbers.size(),  numbers.front(),
          numbers.back(), written.bytes, written.checksum};
}

// The vector of a document, of any of the files; null where it has none.
const float* vector_of(const Snapshot& snapshot, std::uint32_t number) {
  for (const auto& file : snapshot.vectors) {
    if (const float* row = file->find(number)) return row;
  }
  return nullptr;
}

void prefetch(const float* row, int dimension) {
  constexpr int kFloatsOfLine = 16;
  for (int i = 0; i < dimension; i += kFloatsOfLine) __builtin_prefetch(row + i);
}

// Their vectors scored exactly.
std::vector<VectorHit> score_all(const Snapshot& snapshot, const float* query,
                                 std::span<const std::uint32_t> numbers) {
  std::vector<VectorHit> hits;
  std::vector<const float*> rows;
  for (const std::uint32_t number : numbers) {
    if (const float* row = vector_of(snapshot, number)) {
      hits.push_back({number});
      rows.push_back(row);
    }
  }
  const int dimension = snapshot.vectors[0]->dimension();
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (i + kRowsAhead < rows.size()) prefetch(rows[i + kRowsAhead], dimension);
    hits[i].score = inner_product(query, rows[i], dimension);
  }
  return hits;
}

std::vector<VectorHit> search_ann(const Snapshot& snapshot, const Ann& ann, const float* query,
                                  std::size_t k, const SearchOptions& options,
                                  const std::function<bool(std::uint32_t)>& wanted) {
  const double refine = options.refine > 0 ? options.refine : kRefine;
  std::vector<VectorHit> hits;
  // Dead and filtered documents take places: ask for more until there are enough, or all are seen.
  auto fetch = static_cast<std::size_t>(std::ceil(static_cast<double>(k) * refine));
  for (std::size_t nprobe = ann.probed(options.nprobe);;) {
    std::vector<std::uint32_t> found = ann.search(query, fetch, nprobe);
    const bool exhausted = found.size() < fetch;  // the lists that were visited
    std::erase_if(found, [&](std::uint32_t number) { return !wanted(number); });
    hits = score_all(snapshot, query, found);
    if (hits.size() >= k || (exhausted && nprobe >= ann.lists())) break;
    if (exhausted) {
      nprobe *= 2;
    } else {
      fetch *= 4;
    }
  }
  keep_best(hits, k);
  return hits;
}

// The numbers of the documents that the filter lets through, where there is one and they are few.
std::optional<std::vector<std::uint32_t>> few_allowed(const Snapshot& snapshot,
                                                      std::span<const Bitmap> allowed) {
  std::size_t count = 0;
  for (const Bitmap& bits : allowed) count += bits.count();
  if (allowed.empty() || count > kFewAllowed) return std::nullopt;
  std::vector<std::uint32_t> numbers;
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    const auto of_segment = snapshot.lexical.segments()[i].segment->numbers();
    allowed[i].for_each([&](std::size_t position) { numbers.push_back(of_segment[position]); });
  }
  return numbers;
}

}  // namespace

std::uint64_t file_checksum(const std::string& path) {
  const base::MappedFile file(path);
  return XXH3_64bits(file.text().data(), file.text().size());
}

SegmentRecord write_vector_segment(const std::string& folder, const std::string& file,
                                   const Embedder& embedder,
                                   const std::vector<StoredDocument>& documents) {
  const std::vector<float> vectors = embed_documents(embedder, documents);
  std::vector<std::uint32_t> numbers;
  std::vector<const float*> rows;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    numbers.push_back(documents[i].number);
    rows.push_back(vectors.data() + i * static_cast<std::size_t>(embedder.dimension()));
  }
  return record_of(file, numbers,
                   write_vectors(segment_path(folder, file), embedder.dimension(), numbers, rows));
}

std::optional<SegmentRecord> merge_vectors(Store& store, const std::string& folder,
                                           const std::vector<SegmentRecord>& run,
                                           const std::string& file) {
  std::vector<std::unique_ptr<VectorFile>> files;
  std::vector<std::pair<std::uint32_t, const float*>> all;
  Statement stored = store.database().prepare("SELECT 1 FROM documents WHERE number = ?");
  for (const SegmentRecord& record : run) {
    files.push_back(std::make_unique<VectorFile>(segment_path(folder, record.file)));
    for (std::size_t i = 0; i < files.back()->numbers().size(); ++i) {
      const std::uint32_t number = files.back()->numbers()[i];
      stored.bind(0, std::int64_t{number});
      if (stored.step()) all.emplace_back(number, files.back()->row(i));
      stored.reset();
    }
  }
  if (all.empty()) return std::nullopt;
  // Documents embedded again after damage lie between those of other files.
  std::sort(all.begin(), all.end());
  std::vector<std::uint32_t> numbers;
  std::vector<const float*> rows;
  for (const auto& [number, row] : all) {
    numbers.push_back(number);
    rows.push_back(row);
  }
  return record_of(file, numbers,
                   write_vectors(segment_path(folder, file), files[0]->dimension(), numbers, rows));
}

SegmentRecord write_ann(const std::string& folder, const std::string& file,
                        const std::string& factory, const std::vector<SegmentRecord>& vectors,
                        const Ann::Progress& progress) {
  std::vector<std::unique_ptr<VectorFile>> files;
  std::vector<const VectorFile*> views;
  for (const SegmentRecord& record : vectors) {
    files.push_back(std::make_unique<VectorFile>(segment_path(folder, record.file)));
    views.push_back(files.back().get());
  }
  const auto by_last = [](const SegmentRecord& a, const SegmentRecord& b) {
    return a.last < b.last;
  };
  const auto ann = Ann::build(factory, views, progress);
  const std::string path = segment_path(folder, file), temporary = path + ".tmp";
  ann->save(temporary);
  sync_file(temporary);
  std::filesystem::rename(temporary, path);
  return {file,
          "faiss",
          ann->size(),
          vectors.front().first,
          std::max_element(vectors.begin(), vectors.end(), by_last)->last,
          std::filesystem::file_size(path),
          file_checksum(path)};
}

std::vector<std::uint32_t> embedded_numbers(const std::string& folder,
                                            const std::vector<SegmentRecord>& vectors) {
  std::vector<std::uint32_t> all;
  for (const SegmentRecord& record : vectors) {
    const VectorFile file(segment_path(folder, record.file));
    all.insert(all.end(), file.numbers().begin(), file.numbers().end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::vector<VectorHit>> search_vectors(const Snapshot& snapshot, const Ann* ann,
                                                   const std::vector<float>& queries,
                                                   std::size_t count, const SearchOptions& options,
                                                   std::span<const Bitmap> allowed) {
  std::size_t all = 0;
  for (const auto& file : snapshot.vectors) all += file->numbers().size();
  const std::size_t k = std::min(options.candidates, all);
  const auto wanted = [&](std::uint32_t number) {
    return snapshot.lexical.is_alive(number, allowed);
  };
  const auto query_at = [&](std::size_t i) {
    return queries.data() + i * static_cast<std::size_t>(snapshot.vectors[0]->dimension());
  };
  std::vector<std::vector<VectorHit>> hits(count);
  if (const auto few = few_allowed(snapshot, allowed)) {
    for (std::size_t i = 0; i < count; ++i) {
      hits[i] = score_all(snapshot, query_at(i), *few);
      keep_best(hits[i], k);
    }
    return hits;
  }
  for (std::size_t i = 0; ann != nullptr && i < count; ++i)
    hits[i] = search_ann(snapshot, *ann, query_at(i), k, options, wanted);
  for (const auto& file : snapshot.vectors) {
    const auto numbers = file->numbers();
    const auto first = ann ? std::upper_bound(numbers.begin(), numbers.end(), snapshot.ann->last)
                           : numbers.begin();
    const auto begin = static_cast<std::size_t>(first - numbers.begin());
    search_flat(*file, begin, queries, k, wanted, hits);
  }
  return hits;
}

}  // namespace narabi::retrieve
