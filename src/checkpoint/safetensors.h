// safetensors files: an 8-byte little-endian header length, a JSON header, the data.
// https://github.com/huggingface/safetensors#format
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"

namespace narabi::checkpoint {

// The weights' types come first; tensors of the others are buffers (position_ids), which are kept
// and copied as bytes.
enum class DType {
  kF32,
  kF16,
  kBF16,
  kI8,
  kF64,
  kC64,
  kI64,
  kI32,
  kI16,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E5M2Fnuz,
  kF8E4M3Fnuz,
};
std::size_t size_of(DType dtype);        // bytes of one element
const char* name_of(DType dtype);        // as files have it: "F32", "BF16", "I64"
std::string short_name_of(DType dtype);  // "f32", "bf16", "i64"
bool has_float_values(DType dtype);      // F32, F16, BF16: what widen() reads

// A named tensor in a mapped file; borrowed from the Safetensors that owns the mapping.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;  // row-major, may be unaligned
  std::int64_t elements() const;
};

// One file. The constructor checks everything that can be checked without reading the data: header
// length, JSON, dtypes, offsets inside the file that tile it without overlap or holes, sizes =
// shape x dtype. Throws InvalidFormat naming file, tensor, expected and found; Unsupported for
// dtypes that it does not know the size of.
class Safetensors {
 public:
  explicit Safetensors(const std::string& path);
  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::string& path() const { return file_.path(); }

 private:
  base::MappedFile file_;
  std::map<std::string, TensorView> tensors_;
};

// `count` values of `dtype` at `data` (any alignment) as f32. This one and narrow() throw
// InvalidArgument unless has_float_values(dtype).
void widen(const std::byte* data, DType dtype, std::size_t count, float* out);

// The values, rounded to the nearest of `dtype` (ties to even), as a file holds them.
std::vector<std::byte> narrow(std::span<const float> values, DType dtype);

// Throws InvalidFormat naming `where` and the first element that is NaN or infinite.
void check_finite(std::span<const float> values, const std::string& where);

// No value is NaN or infinite; without widening. Only where has_float_values(dtype).
bool all_finite(std::span<const std::byte> values, DType dtype);
// As check_finite(), for a tensor of floats.
void require_finite(const TensorView& tensor, const std::string& where);

// All values as f32; throws InvalidFormat naming `where` and the index if any is NaN or infinite,
// or the dtype unless it has float values.
std::vector<float> to_f32(const TensorView& tensor, const std::string& where);

}  // namespace narabi::checkpoint
