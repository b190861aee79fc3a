#include "retrieve/dense/ann.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexIDMap.h>
#include <faiss/IndexIVF.h>
#include <faiss/impl/FaissException.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>
#include <faiss/utils/distances.h>
#include <omp.h>

#include <algorithm>
#include <limits>
#include <random>

#include "base/cpu.h"
#include "kernels/sgemm.h"
#include "narabi/error.h"

// Faiss's matrix products; the rest of BLAS and LAPACK comes from OpenBLAS. Hidden: a program that
// links libnarabi keeps its own.
extern "C" __attribute__((visibility("hidden"))) int sgemm_(
    const char* transposed_a, const char* transposed_b, const int* m, const int* n, const int* k,
    const float* alpha, const float* a, const int* lda, const float* b, const int* ldb,
    const float* beta, float* c, const int* ldc) {
  narabi::kernels::sgemm({*transposed_a != 'N' && *transposed_a != 'n',
                          *transposed_b != 'N' && *transposed_b != 'n', *m, *n, *k, *alpha, a, *lda,
                          b, *ldb, *beta, c, *ldc});
  return 0;
}

namespace narabi::retrieve {
namespace {

using Id = faiss::Index::idx_t;

constexpr std::size_t kTrainingPerCentroid = 64, kFewestTraining = 20'000;
constexpr std::size_t kRowsAtATime = 16'384;
// Of a product with many queries; so many more than k are looked at, in case that some are not
// wanted or that rounding has changed their order.
constexpr std::size_t kRowsOfProducts = 262'144, kSpare = 32;

// ThreadSanitizer does not see the barriers of libgomp, which is built without it.
int threads() {
#ifdef __SANITIZE_THREAD__
  return 1;
#else
  return base::available_cores();
#endif
}

std::string without_refine(const std::string& factory) {
  for (const char* suffix : {",Refine", ",RFlat"}) {
    const std::size_t at = factory.rfind(suffix);
    if (at != std::string::npos) return factory.substr(0, at);
  }
  return factory;
}

std::unique_ptr<faiss::Index> make(const std::string& factory, int dimension) {
  try {
    return std::unique_ptr<faiss::Index>(faiss::index_factory(
        dimension, without_refine(factory).c_str(), faiss::METRIC_INNER_PRODUCT));
  } catch (const std::exception& error) {
    throw InvalidArgument(
        "--dense " + factory + ": expected a Faiss factory string for vectors of " +
        std::to_string(dimension) + " dimensions, as IVF1024,PQ32: " + error.what());
  }
}

std::vector<float> training_sample(const std::vector<const VectorFile*>& files,
                                   std::size_t wanted) {
  std::vector<const float*> rows;
  for (const VectorFile* file : files) {
    for (std::size_t i = 0; i < file->numbers().size(); ++i) rows.push_back(file->row(i));
  }
  std::mt19937_64 chance(1);
  const std::size_t count = std::min(wanted, rows.size());
  for (std::size_t i = 0; i < count; ++i)
    std::swap(rows[i], rows[i + chance() % (rows.size() - i)]);
  const auto dimension = static_cast<std::size_t>(files[0]->dimension());
  std::vector<float> sample;
  sample.reserve(count * dimension);
  for (std::size_t i = 0; i < count; ++i) sample.insert(sample.end(), rows[i], rows[i] + dimension);
  return sample;
}

}  // namespace

bool is_flat(const std::string& factory) {
  return factory.empty() || without_refine(factory) == "Flat";
}

void check_factory(const std::string& factory, int dimension) {
  if (!is_flat(factory)) make(factory, dimension);
}

void keep_best(std::vector<VectorHit>& hits, std::size_t k) {
  const auto before = [](const VectorHit& a, const VectorHit& b) {
    return a.score != b.score ? a.score > b.score : a.number < b.number;
  };
  const std::size_t count = std::min(k, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(count), hits.end(),
                    before);
  hits.resize(count);
}

void search_flat(const VectorFile& file, std::size_t begin, std::size_t end, const float* query,
                 std::size_t k, const std::function<bool(std::uint32_t)>& wanted,
                 std::vector<VectorHit>& hits) {
  const std::size_t most = 4 * k + 64;  // between two cuts to k
  std::vector<float> scores(kRowsAtATime);
  keep_best(hits, k);
  float least = hits.size() < k ? -std::numeric_limits<float>::infinity() : hits.back().score;
  for (; begin < end; begin += kRowsAtATime) {
    const std::size_t count = std::min(kRowsAtATime, end - begin);
    faiss::fvec_inner_products_ny(scores.data(), query, file.row(begin),
                                  static_cast<std::size_t>(file.dimension()), count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t number = file.numbers()[begin + i];
      if (scores[i] < least || !wanted(number)) continue;
      hits.push_back({number, scores[i]});
      if (hits.size() < most) continue;
      keep_best(hits, k);
      least = hits.back().score;
    }
  }
  keep_best(hits, k);
}

void search_flat_many(const VectorFile& file, std::size_t begin, const std::vector<float>& queries,
                      std::size_t k, const std::function<bool(std::uint32_t)>& wanted,
                      std::vector<std::vector<VectorHit>>& hits) {
  omp_set_num_threads(threads());
  const auto dimension = static_cast<std::size_t>(file.dimension());
  const std::size_t rows = file.numbers().size();
  std::vector<float> scores;
  std::vector<Id> found;
  for (; begin < rows; begin += kRowsOfProducts) {
    const std::size_t count = std::min(kRowsOfProducts, rows - begin);
    const std::size_t most = std::min(count, k + kSpare);
    scores.resize(hits.size() * most);
    found.resize(hits.size() * most);
    faiss::knn_inner_product(queries.data(), file.row(begin), dimension, hits.size(), count, most,
                             scores.data(), found.data());
    for (std::size_t q = 0; q < hits.size(); ++q) {
      const float* query = queries.data() + q * dimension;
      const std::size_t before = hits[q].size();
      for (std::size_t i = q * most; i < (q + 1) * most; ++i) {
        const std::size_t row = begin + static_cast<std::size_t>(found[i]);
        const std::uint32_t number = file.numbers()[row];
        if (wanted(number))
          hits[q].push_back({number, inner_product(query, file.row(row), file.dimension())});
      }
      if (hits[q].size() - before < k && most < count) {
        hits[q].resize(before);  // too many of the best are not wanted: one by one
        search_flat(file, begin, begin + count, query, k, wanted, hits[q]);
      }
      keep_best(hits[q], k);
    }
  }
}

float inner_product(const float* a, const float* b, int dimension) {
  return faiss::fvec_inner_product(a, b, static_cast<std::size_t>(dimension));
}

struct Ann::Impl {
  std::unique_ptr<faiss::Index> index;  // an IndexIDMap over what the factory made
};

Ann::Ann(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ann::~Ann() = default;

std::unique_ptr<Ann> Ann::build(const std::string& factory,
                                const std::vector<const VectorFile*>& files,
                                const Progress& progress) {
  const auto report = [&](const char* what, std::size_t done, std::size_t total) {
    if (progress) progress(what, done, total);
  };
  omp_set_num_threads(threads());
  auto inner = make(factory, files[0]->dimension());
  auto* lists = dynamic_cast<faiss::IndexIVF*>(inner.get());
  const std::size_t wanted =
      std::max(kFewestTraining, lists ? kTrainingPerCentroid * lists->nlist : 0);
  const std::vector<float> sample = training_sample(files, wanted);
  const auto rows =
      static_cast<Id>(sample.size() / static_cast<std::size_t>(files[0]->dimension()));
  if (lists && static_cast<std::size_t>(rows) < lists->nlist) {
    throw InvalidArgument("--dense " + factory + ": expected at least " +
                          std::to_string(lists->nlist) + " documents to train on, found " +
                          std::to_string(rows) + ": take fewer lists, or Flat");
  }
  auto mapped = std::make_unique<faiss::IndexIDMap>(inner.get());
  mapped->own_fields = true;
  inner.release();
  report("training vectors", 0, static_cast<std::size_t>(rows));
  mapped->train(rows, sample.data());
  report("training vectors", static_cast<std::size_t>(rows), static_cast<std::size_t>(rows));
  std::size_t total = 0;
  for (const VectorFile* file : files) total += file->numbers().size();
  for (const VectorFile* file : files) {
    const std::size_t all = file->numbers().size();
    std::vector<Id> ids;
    for (std::size_t begin = 0; begin < all; begin += kRowsAtATime) {
      const std::size_t count = std::min(kRowsAtATime, all - begin);
      ids.assign(file->numbers().begin() + static_cast<std::ptrdiff_t>(begin),
                 file->numbers().begin() + static_cast<std::ptrdiff_t>(begin + count));
      mapped->add_with_ids(static_cast<Id>(count), file->row(begin), ids.data());
      report("vectors put into lists", static_cast<std::size_t>(mapped->ntotal), total);
    }
  }
  return std::unique_ptr<Ann>(new Ann(std::make_unique<Impl>(Impl{std::move(mapped)})));
}

std::unique_ptr<Ann> Ann::load(const std::string& path) {
  try {
    auto index = std::unique_ptr<faiss::Index>(faiss::read_index(path.c_str()));
    return std::unique_ptr<Ann>(new Ann(std::make_unique<Impl>(Impl{std::move(index)})));
  } catch (const std::exception& error) {
    throw InvalidFormat(path +
                        ": the vector index is damaged: make it again by narabi index INDEX "
                        "compact: " +
                        error.what());
  }
}

void Ann::save(const std::string& path) const {
  try {
    faiss::write_index(impl_->index.get(), path.c_str());
  } catch (const std::exception& error) {
    throw IoError(path + ": cannot write: " + error.what());
  }
}

std::size_t Ann::size() const {
  return static_cast<std::size_t>(impl_->index->ntotal);
}

std::size_t Ann::lists() const {
  const auto* map = dynamic_cast<const faiss::IndexIDMap*>(impl_->index.get());
  const auto* inner = dynamic_cast<const faiss::IndexIVF*>(map ? map->index : impl_->index.get());
  return inner ? inner->nlist : 0;
}

std::vector<std::uint32_t> Ann::search(const float* query, std::size_t k,
                                       std::size_t nprobe) const {
  k = std::min(k, size());
  std::vector<float> scores(k);
  std::vector<Id> ids(k);
  faiss::SearchParametersIVF parameters;
  const faiss::SearchParameters* given = nullptr;
  const auto* map = dynamic_cast<const faiss::IndexIDMap*>(impl_->index.get());
  const faiss::Index* inner = map ? map->index : impl_->index.get();
  if (const auto* lists = dynamic_cast<const faiss::IndexIVF*>(inner)) {
    parameters.nprobe = nprobe > 0 ? std::min(nprobe, lists->nlist)
                                   : std::max<std::size_t>(std::min<std::size_t>(16, lists->nlist),
                                                           lists->nlist / 8);
    given = &parameters;
  }
  // On the index inside: in 1.7.3 the map does not hand parameters on.
  inner->search(1, query, static_cast<Id>(k), scores.data(), ids.data(), given);
  std::vector<std::uint32_t> numbers;
  for (const Id id : ids) {
    if (id < 0) continue;
    numbers.push_back(
        static_cast<std::uint32_t>(map ? map->id_map[static_cast<std::size_t>(id)] : id));
  }
  return numbers;
}

}  // namespace narabi::retrieve
