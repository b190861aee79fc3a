#include "checkpoint/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/json_depth.h"
#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

using nlohmann::json;

constexpr std::size_t kPrefixBytes = 8;            // the header's length, little-endian
constexpr std::uint64_t kMaxHeader = 100'000'000;  // the limit of the reference implementation
constexpr std::size_t kMaxHeaderDepth = 16;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw InvalidFormat(path + ": " + what);
}

// A header may be 100 MB of anything: a message shows its beginning.
std::string beginning_of(const json& value) {
  constexpr std::size_t kShown = 80;
  if (value.is_structured() && value.size() > kShown) return value.type_name();
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() > kShown ? std::string(base::utf8_prefix(text, kShown)) + "..." : text;
}

struct Kind {
  const char* name;
  std::size_t bytes;
};
// In the order of DType. Types of less than a byte are not read: nobody keeps a buffer in them.
constexpr Kind kKinds[] = {{"F32", 4},     {"F16", 2},         {"BF16", 2},       {"I8", 1},
                           {"F64", 8},     {"C64", 8},         {"I64", 8},        {"I32", 4},
                           {"I16", 2},     {"U64", 8},         {"U32", 4},        {"U16", 2},
                           {"U8", 1},      {"BOOL", 1},        {"F8_E5M2", 1},    {"F8_E4M3", 1},
                           {"F8_E8M0", 1}, {"F8_E5M2FNUZ", 1}, {"F8_E4M3FNUZ", 1}};
static_assert(std::size(kKinds) == static_cast<std::size_t>(DType::kF8E4M3Fnuz) + 1);

DType parse_dtype(const std::string& path, const std::string& tensor, const std::string& word) {
  for (std::size_t i = 0; i < std::size(kKinds); ++i) {
    if (word == kKinds[i].name) return static_cast<DType>(i);
  }
  throw Unsupported(path + ": tensor " + tensor + ": dtype is " + word +
                    "; supported: F32, F16, BF16, I8");
}

void require_float_values(DType dtype) {
  if (!has_float_values(dtype))
    throw InvalidArgument(std::string("expected values of F32, F16 or BF16, found ") +
                          name_of(dtype));
}

void require_float_values(const TensorView& tensor, const std::string& where) {
  if (!has_float_values(tensor.dtype))
    throw InvalidFormat(where + ": expected F32, F16 or BF16, found " + name_of(tensor.dtype));
}

std::uint64_t unsigned_number(const json& value, const std::string& path, const std::string& what) {
  if (!value.is_number_unsigned()) {
    fail(path, what + ": expected a non-negative integer, found " + beginning_of(value));
  }
  return value.get<std::uint64_t>();
}

const json& member(const json& object, const char* key, const std::string& path,
                   const std::string& tensor) {
  const auto found = object.find(key);
  if (found == object.end()) fail(path, "tensor " + tensor + ": expected the key " + key);
  return *found;
}

// Bytes that shape x dtype needs, or nothing when that overflows.
std::optional<std::uint64_t> byte_size(const std::vector<std::int64_t>& shape, DType dtype) {
  std::uint64_t bytes = size_of(dtype);
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) {
      return std::nullopt;
    }
  }
  return bytes;
}

// One entry of the header, its offsets still relative to the data.
struct Entry {
  TensorView tensor;
  std::uint64_t begin = 0, end = 0;
};

Entry parse_entry(const std::string& path, const std::string& name, const json& value) {
  if (!value.is_object())
    fail(path, "tensor " + name + ": expected an object, found " + beginning_of(value));
  Entry entry;
  entry.tensor.name = name;
  const json& dtype = member(value, "dtype", path, name);
  if (!dtype.is_string())
    fail(path, "tensor " + name + ": dtype: expected a string, found " + beginning_of(dtype));
  entry.tensor.dtype = parse_dtype(path, name, dtype.get<std::string>());
  const json& shape = member(value, "shape", path, name);
  if (!shape.is_array())
    fail(path, "tensor " + name + ": shape: expected an array, found " + beginning_of(shape));
  for (const json& extent : shape) {
    const std::uint64_t size = unsigned_number(extent, path, "tensor " + name + ": shape");
    if (size > std::numeric_limits<std::int64_t>::max())
      fail(path, "tensor " + name + ": shape too large");
    entry.tensor.shape.push_back(static_cast<std::int64_t>(size));
  }
  const json& offsets = member(value, "data_offsets", path, name);
  if (!offsets.is_array() || offsets.size() != 2) {
    fail(path, "tensor " + name + ": data_offsets: expected [begin, end], found " +
                   beginning_of(offsets));
  }
  entry.begin = unsigned_number(offsets[0], path, "tensor " + name + ": data_offsets");
  entry.end = unsigned_number(offsets[1], path, "tensor " + name + ": data_offsets");
  return entry;
}

json parse_header(const std::string& path, std::string_view text) {
  base::check_json_depth(text, kMaxHeaderDepth, path);
  json header;
  std::set<std::string, std::less<>> names;
  // A second entry of a name would replace the first one silently.
  const auto once = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth == 1 && event == json::parse_event_t::key &&
        !names.insert(parsed.get_ref<const std::string&>()).second) {
      fail(path, "the header names the tensor " + parsed.get<std::string>() + " twice");
    }
    return true;
  };
  try {
    header = json::parse(text, once);
  } catch (const json::exception& error) {
    fail(path, std::string("the header is no JSON: ") + error.what());
  }
  if (!header.is_object())
    fail(path, std::string("the header: expected an object, found ") + header.type_name());
  return header;
}

// The tensors have to tile the data from its first byte to its last, as the reference demands.
void check_tiling(const std::string& path, std::vector<Entry>& entries, std::uint64_t data_bytes) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t position = 0;
  for (const Entry& entry : entries) {
    const std::string where = "tensor " + entry.tensor.name + ": data_offsets [" +
                              std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]";
    if (entry.end < entry.begin) fail(path, where + ": the end lies before the begin");
    if (entry.end > data_bytes) {
      fail(path, where + ": the file holds only " + std::to_string(data_bytes) + " bytes of data");
    }
    if (entry.begin < position) fail(path, where + " overlap the tensor before");
    if (entry.begin > position)
      fail(path, where + ": expected them to begin at " + std::to_string(position));
    const auto bytes = byte_size(entry.tensor.shape, entry.tensor.dtype);
    if (!bytes || *bytes != entry.end - entry.begin) {
      fail(path, where + ": expected " + (bytes ? std::to_string(*bytes) : "fewer than 2^64") +
                     " bytes for its shape and dtype, found " +
                     std::to_string(entry.end - entry.begin));
    }
    position = entry.end;
  }
  if (position != data_bytes) {
    fail(path, "the tensors end at byte " + std::to_string(position) +
                   " of the data, the file holds " + std::to_string(data_bytes));
  }
}

// Without a branch, so that the compiler takes several at once.
float from_f16(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16, magnitude = half & 0x7FFFu;
  const std::uint32_t rebased = 112u << 23;  // of the exponent: f32's bias is 127, f16's 15
  const std::uint32_t special = magnitude >= 0x7C00u ? rebased : 0;  // infinity, NaN: up to 255
  const std::uint32_t normal = (magnitude << 13) + rebased + special;
  const std::uint32_t subnormal =  // multiples of 2^-24
      std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<int>(magnitude)) * 0x1p-24f);
  const std::uint32_t small = magnitude < 0x400u ? ~0u : 0u;
  return std::bit_cast<float>(sign | (subnormal & small) | (normal & ~small));
}

// The upper bits of a float, rounded by those that fall away.
std::uint32_t rounded(std::uint32_t bits, int dropped) {
  const std::uint32_t half = 1u << (dropped - 1);
  return (bits + half - 1 + (bits >> dropped & 1u)) >> dropped;
}

std::uint16_t to_f16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const float magnitude = std::abs(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7E00u);
  if (magnitude < 0x1p-14f)  // subnormals: multiples of 2^-24
    return static_cast<std::uint16_t>(
        sign | static_cast<std::uint32_t>(std::nearbyint(magnitude * 0x1p24f)));
  if (magnitude >= 65520) return static_cast<std::uint16_t>(sign | 0x7C00u);
  const std::uint32_t exponent_shift = 112u << 10;
  return static_cast<std::uint16_t>(sign | (rounded(bits & 0x7FFFFFFFu, 13) - exponent_shift));
}

std::uint16_t to_bf16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>(rounded(bits, 16));
}

}  // namespace

std::size_t size_of(DType dtype) {
  return kKinds[static_cast<std::size_t>(dtype)].bytes;
}

const char* name_of(DType dtype) {
  return kKinds[static_cast<std::size_t>(dtype)].name;
}

std::string short_name_of(DType dtype) {
  std::string name = name_of(dtype);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

bool has_float_values(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

std::int64_t TensorView::elements() const {
  return static_cast<std::int64_t>(data.size() / size_of(dtype));
}

Safetensors::Safetensors(const std::string& path) : file_(path) {
  const std::span<const std::byte> bytes = file_.bytes();
  if (bytes.size() < kPrefixBytes) {
    fail(path, "expected at least 8 bytes, found " + std::to_string(bytes.size()));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kPrefixBytes);
  if (length > bytes.size() - kPrefixBytes) {
    fail(path, "header length " + std::to_string(length) + ": the file holds " +
                   std::to_string(bytes.size() - kPrefixBytes) + " bytes after it");
  }
  if (length > kMaxHeader) {
    fail(path, "header length " + std::to_string(length) + ": expected at most " +
                   std::to_string(kMaxHeader));
  }
  const json header = parse_header(path, file_.text().substr(kPrefixBytes, length));
  const std::span<const std::byte> data = bytes.subspan(kPrefixBytes + length);

  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") entries.push_back(parse_entry(path, name, value));
  }
  check_tiling(path, entries, data.size());
  for (Entry& entry : entries) {
    entry.tensor.data = data.subspan(entry.begin, entry.end - entry.begin);
    tensors_.emplace(entry.tensor.name, std::move(entry.tensor));
  }
}

void widen(const std::byte* data, DType dtype, std::size_t count, float* out) {
  require_float_values(dtype);
  if (dtype == DType::kF32) {
    std::memcpy(out, data, count * sizeof(float));
    return;
  }
  const auto each = [&](auto to_float) {
    for (std::size_t i = 0; i < count; ++i) {
      std::uint16_t half;
      std::memcpy(&half, data + 2 * i, sizeof half);
      out[i] = to_float(half);
    }
  };
  if (dtype == DType::kF16) return each(from_f16);
  each([](std::uint16_t half) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
  });
}

std::vector<std::byte> narrow(std::span<const float> values, DType dtype) {
  require_float_values(dtype);
  std::vector<std::byte> bytes(values.size() * size_of(dtype));
  if (dtype == DType::kF32) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t half = dtype == DType::kF16 ? to_f16(values[i]) : to_bf16(values[i]);
    std::memcpy(bytes.data() + 2 * i, &half, sizeof half);
  }
  return bytes;
}

void check_finite(std::span<const float> values, const std::string& where) {
  // NaN and infinity have all bits of the exponent set: a whole block is tested without a branch.
  constexpr std::size_t kBlock = 4096;
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
    const std::size_t end = std::min(values.size(), begin + kBlock);
    std::uint32_t special = 0;
    for (std::size_t i = begin; i < end; ++i) {
      special |= (std::bit_cast<std::uint32_t>(values[i]) & 0x7F800000u) == 0x7F800000u;
    }
    if (special == 0) continue;
    for (std::size_t i = begin; i < end; ++i) {
      if (!std::isfinite(values[i])) {
        throw InvalidFormat(where + ": expected finite values, found " +
                            (std::isnan(values[i]) ? "NaN" : "infinity") + " at element " +
                            std::to_string(i));
      }
    }
  }
}

bool all_finite(std::span<const std::byte> values, DType dtype) {
  // All ones in the exponent of a value that is NaN or infinite; its upper two bytes tell.
  const std::uint16_t mask = dtype == DType::kF16 ? 0x7C00 : 0x7F80;
  const std::size_t step = size_of(dtype);
  const std::byte* high = values.data() + (step - sizeof mask);
  const std::size_t count = values.size() / step;
  std::uint32_t special = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t half;
    std::memcpy(&half, high + i * step, sizeof half);
    special |= (half & mask) == mask;
  }
  return special == 0;
}

void require_finite(const TensorView& tensor, const std::string& where) {
  require_float_values(tensor, where);
  if (!all_finite(tensor.data, tensor.dtype)) to_f32(tensor, where);  // throws, with the place
}

std::vector<float> to_f32(const TensorView& tensor, const std::string& where) {
  require_float_values(tensor, where);
  std::vector<float> out(static_cast<std::size_t>(tensor.elements()));
  widen(tensor.data.data(), tensor.dtype, out.size(), out.data());
  check_finite(out, where);
  return out;
}

}  // namespace narabi::checkpoint
