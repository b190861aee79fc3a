#include "retrieve/dense/ann.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexIDMap.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexIVFFastScan.h>
#include <faiss/IndexIVFPQ.h>
#include <faiss/IndexPQ.h>
#include <faiss/IndexPreTransform.h>
#include <faiss/impl/FaissException.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

#include "base/cpu.h"
#include "kernels/sgemm.h"
#include "narabi/error.h"
#include "retrieve/dense/code_lists.h"

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
// A product's rounding may change the order: so many more are scored again one by one.
constexpr std::size_t kSpare = 32;

// ThreadSanitizer does not see the barriers of libgomp, which is built without it.
int threads() {
#ifdef __SANITIZE_THREAD__
  return 1;
#else
  return base::available_cores();
#endif
}

// Of this thread's products, while one lives: the program around keeps its own number.
class ProductThreads {
 public:
  explicit ProductThreads(int count) { omp_set_num_threads(count); }
  ~ProductThreads() { omp_set_num_threads(before_); }
  ProductThreads(const ProductThreads&) = delete;
  ProductThreads& operator=(const ProductThreads&) = delete;

 private:
  int before_ = omp_get_max_threads();
};

std::string without_refine(const std::string& factory) {
  for (const char* suffix : {",Refine", ",RFlat"}) {
    const std::size_t at = factory.rfind(suffix);
    if (at != std::string::npos) return factory.substr(0, at);
  }
  return factory;
}

// What a rotation of the vectors, as OPQ's, stands before.
faiss::Index* behind_transform(faiss::Index* index) {
  auto* transformed = dynamic_cast<faiss::IndexPreTransform*>(index);
  return transformed ? transformed->index : index;
}

std::unique_ptr<faiss::Index> make(const std::string& factory, int dimension) {
  try {
    std::unique_ptr<faiss::Index> index(faiss::index_factory(
        dimension, without_refine(factory).c_str(), faiss::METRIC_INNER_PRODUCT));
    // Codes whose Hamming distances mean something take most of the training, and no search here
    // looks at those.
    faiss::Index* inner = behind_transform(index.get());
    if (auto* lists = dynamic_cast<faiss::IndexIVFPQ*>(inner))
      lists->do_polysemous_training = false;
    if (auto* codes = dynamic_cast<faiss::IndexPQ*>(inner)) codes->do_polysemous_training = false;
    if (dynamic_cast<faiss::IndexIVFFastScan*>(inner))
      throw InvalidArgument("its codes cannot be searched with an nprobe: leave out \"x4fs\"");
    return index;
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

// products[q][row], of `count` rows and queries that lie one after the other.
void multiply(const float* rows, std::size_t count, const float* queries, std::size_t many,
              std::size_t dimension, float* products) {
  const auto m = static_cast<long>(count), n = static_cast<long>(many),
             k = static_cast<long>(dimension);
  kernels::sgemm({true, false, m, n, k, 1, rows, k, queries, k, 0, products, m});
}

// The lists of an inverted file that a query visits, best first. Faiss's own comparison with the
// centroids takes 1.4 ms for 8,192 of 256 dimensions in its generic build, this 0.5.
struct NearestLists {
  std::vector<Id> lists;
  std::vector<float> products;  // of their centroids

  NearestLists(const faiss::IndexFlat& centroids, const float* query, std::size_t nprobe) {
    const auto all = static_cast<std::size_t>(centroids.ntotal);
    std::vector<float> scores(all);
    const ProductThreads one(1);
    multiply(centroids.get_xb(), all, query, 1, static_cast<std::size_t>(centroids.d),
             scores.data());
    std::vector<Id> order(all);
    std::iota(order.begin(), order.end(), 0);
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(nprobe);
    std::partial_sort(order.begin(), end, order.end(), [&](Id a, Id b) {
      return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
    });
    lists.assign(order.begin(), end);
    for (const Id list : lists) products.push_back(scores[static_cast<std::size_t>(list)]);
  }
};

// Into `hits` what is among the best `kept` of both.
void keep_better(std::span<const std::uint32_t> numbers, const float* scores, std::size_t kept,
                 const std::function<bool(std::uint32_t)>& wanted, std::vector<VectorHit>& hits) {
  const std::size_t most = 4 * kept;  // between two cuts
  keep_best(hits, kept);
  float least = hits.size() < kept ? -std::numeric_limits<float>::infinity() : hits.back().score;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (scores[i] < least || !wanted(numbers[i])) continue;
    hits.push_back({numbers[i], scores[i]});
    if (hits.size() < most) continue;
    keep_best(hits, kept);
    least = hits.back().score;
  }
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

void search_flat(const VectorFile& file, std::size_t begin, const std::vector<float>& queries,
                 std::size_t k, const std::function<bool(std::uint32_t)>& wanted,
                 std::vector<std::vector<VectorHit>>& hits) {
  const std::size_t rows = file.numbers().size();
  if (begin >= rows) return;  // all are in the approximate index
  const ProductThreads several(hits.size() > 1 ? threads() : 1);
  const std::size_t dimension = queries.size() / hits.size();
  const std::size_t kept = k + kSpare;
  std::vector<float> products(hits.size() * kRowsAtATime);
  for (; begin < rows; begin += kRowsAtATime) {
    const std::size_t count = std::min(kRowsAtATime, rows - begin);
    multiply(file.row(begin), count, queries.data(), hits.size(), dimension, products.data());
    for (std::size_t q = 0; q < hits.size(); ++q)
      keep_better(file.numbers().subspan(begin, count), products.data() + q * count, kept, wanted,
                  hits[q]);
  }
  for (std::size_t q = 0; q < hits.size(); ++q) {
    for (VectorHit& hit : hits[q]) {
      if (const float* row = file.find(hit.number))
        hit.score = inner_product(queries.data() + q * dimension, row, file.dimension());
    }
    keep_best(hits[q], k);
  }
}

float inner_product(const float* a, const float* b, int dimension) {
  constexpr int kLanes = 8;
  float sums[kLanes] = {};
  int i = 0;
  for (; i + kLanes <= dimension; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < dimension; ++i) sums[0] += a[i] * b[i];
  float sum = 0;
  for (const float part : sums) sum += part;
  return sum;
}

struct Ann::Impl {
  std::unique_ptr<faiss::Index> index;  // an IndexIDMap over what the factory made
  std::unique_ptr<CodeLists> codes;     // of a loaded index: instead of its lists, where they fit

  const faiss::IndexIDMap& map() const { return static_cast<const faiss::IndexIDMap&>(*index); }
  const faiss::IndexPreTransform* transform() const {
    return dynamic_cast<const faiss::IndexPreTransform*>(map().index);
  }
  void lay_out_codes() {
    auto* lists = dynamic_cast<faiss::IndexIVFPQ*>(behind_transform(map().index));
    if (!lists || !dynamic_cast<const faiss::IndexFlat*>(lists->quantizer) ||
        !CodeLists::can_hold(*lists))
      return;
    codes = std::make_unique<CodeLists>(*lists, map().id_map);
    lists->replace_invlists(nullptr);
  }
  const faiss::Index* searched() const { return behind_transform(map().index); }
  const faiss::IndexIVF* lists() const { return dynamic_cast<const faiss::IndexIVF*>(searched()); }
};

Ann::Ann(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ann::~Ann() = default;

std::unique_ptr<Ann> Ann::build(const std::string& factory,
                                const std::vector<const VectorFile*>& files,
                                const Progress& progress) {
  const auto report = [&](const char* what, std::size_t done, std::size_t total) {
    if (progress) progress(what, done, total);
  };
  const ProductThreads every_core(threads());
  auto inner = make(factory, files[0]->dimension());
  auto* lists = dynamic_cast<faiss::IndexIVF*>(behind_transform(inner.get()));
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
  return std::unique_ptr<Ann>(new Ann(std::make_unique<Impl>(Impl{std::move(mapped), nullptr})));
}

std::unique_ptr<Ann> Ann::load(const std::string& path) {
  try {
    auto index = std::unique_ptr<faiss::Index>(faiss::read_index(path.c_str()));
    if (!dynamic_cast<const faiss::IndexIDMap*>(index.get()))
      throw InvalidFormat("expected an index with a map of numbers");
    auto impl = std::make_unique<Impl>(Impl{std::move(index), nullptr});
    impl->lay_out_codes();
    return std::unique_ptr<Ann>(new Ann(std::move(impl)));
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
  const auto* lists = impl_->lists();
  return lists ? lists->nlist : 0;
}

std::size_t Ann::probed(std::size_t nprobe) const {
  return std::min(nprobe > 0 ? nprobe : std::max<std::size_t>(16, lists() / 8), lists());
}

std::vector<std::uint32_t> Ann::search(const float* query, std::size_t k,
                                       std::size_t nprobe) const {
  k = std::min(k, size());
  std::vector<float> scores(k);
  std::vector<Id> ids(k);
  // What stands before the index is passed by hand: in 1.7.3 it does not hand parameters on.
  std::unique_ptr<const float[]> transformed;
  if (const auto* transform = impl_->transform()) {
    transformed.reset(transform->apply_chain(1, query));
    if (transformed.get() == query) transformed.release();
    if (transformed) query = transformed.get();
  }
  const auto* lists = impl_->lists();
  faiss::SearchParametersIVF parameters;
  if (lists) parameters.nprobe = probed(nprobe);
  const auto* centroids = lists ? dynamic_cast<const faiss::IndexFlat*>(lists->quantizer) : nullptr;
  if (centroids) {
    const NearestLists nearest(*centroids, query, parameters.nprobe);
    if (impl_->codes) return impl_->codes->search(query, nearest.lists, nearest.products, k);
    lists->search_preassigned(1, query, static_cast<Id>(k), nearest.lists.data(),
                              nearest.products.data(), scores.data(), ids.data(), false,
                              &parameters);
  } else {
    impl_->searched()->search(1, query, static_cast<Id>(k), scores.data(), ids.data(),
                              lists ? &parameters : nullptr);
  }
  std::vector<std::uint32_t> numbers;
  for (const Id id : ids) {
    if (id >= 0)
      numbers.push_back(
          static_cast<std::uint32_t>(impl_->map().id_map[static_cast<std::size_t>(id)]));
  }
  return numbers;
}

}  // namespace narabi::retrieve
