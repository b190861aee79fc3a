// An approximate index over vectors, by a Faiss factory string. This and code_lists are the files
// that know Faiss.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "retrieve/dense/vector_file.h"

namespace narabi::retrieve {

// "Flat" needs no index: the vectors are searched as they lie. A ",Refine(...)" or ",RFlat" at the
// end is taken off: candidates are always scored again with the mapped vectors.
bool is_flat(const std::string& factory);
// Throws InvalidArgument with what Faiss says.
void check_factory(const std::string& factory, int dimension);

struct VectorHit {
  std::uint32_t number = 0;
  float score = 0;  // inner product
};

// Best first; equal scores: the smaller number first.
void keep_best(std::vector<VectorHit>& hits, std::size_t k);

// Exact, over the rows of one file from `begin` on, for each query (hits.size() x dimension): into
// `hits`, which hold the best k so far. Many queries at once take all cores and are several times
// faster for each. `wanted` is only asked about documents that would get in.
void search_flat(const VectorFile& file, std::size_t begin, const std::vector<float>& queries,
                 std::size_t k, const std::function<bool(std::uint32_t)>& wanted,
                 std::vector<std::vector<VectorHit>>& hits);
// The score of a hit.
float inner_product(const float* a, const float* b, int dimension);

class Ann {
 public:
  // What is being done, and how many of how many vectors are done.
  using Progress =
      std::function<void(const std::string& what, std::size_t done, std::size_t total)>;

  // Trains on a seeded sample (64 vectors a centroid, at least 20,000), then adds all.
  static std::unique_ptr<Ann> build(const std::string& factory,
                                    const std::vector<const VectorFile*>& files,
                                    const Progress& progress = {});
  static std::unique_ptr<Ann> load(const std::string& path);  // throws InvalidFormat when damaged
  ~Ann();

  // Of a built one, not of a loaded one, whose lists are laid out anew. No commit of its own: the
  // caller renames.
  void save(const std::string& path) const;
  std::size_t size() const;
  std::size_t lists() const;                     // that nprobe can reach; 0 when there are none
  std::size_t probed(std::size_t nprobe) const;  // of them; 0: one eighth, at least 16
  // Not exact: for scoring again.
  std::vector<std::uint32_t> search(const float* query, std::size_t k, std::size_t nprobe) const;

 private:
  struct Impl;
  explicit Ann(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narabi::retrieve
