#include "checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "checkpoint/temporary_folder.h"
#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

using testing::HasSubstr;

std::string file_of(const std::string& header, const std::string& data) {
  const auto length = static_cast<std::uint64_t>(header.size());
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  return out + header + data;
}

std::string good_file() {
  const float values[] = {1, 2, 3, 4, 5, 6};
  std::string data(reinterpret_cast<const char*>(values), sizeof values);
  data += std::string("\x00\x3C\x00\xC0", 4);  // f16: 1, -2
  data += std::string("\x80\x3F", 2);          // bf16: 1
  return file_of(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("b":{"dtype":"F16","shape":[2],"data_offsets":[24,28]},"c":{"dtype":"BF16","shape":[1,1],"data_offsets":[28,30]}})",
      data);
}

// What opening `content` says, or "" when it opens.
std::string refusal_of(const std::string& content) {
  const TemporaryFolder folder;
  try {
    const Safetensors file(folder.write("x.safetensors", content));
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Safetensors, reads_names_shapes_and_values_of_every_dtype) {
  const TemporaryFolder folder;
  const Safetensors file(folder.write("x.safetensors", good_file()));
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.tensors().at("a").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(to_f32(file.tensors().at("a"), "a"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(to_f32(file.tensors().at("b"), "b"), (std::vector<float>{1, -2}));
  EXPECT_EQ(to_f32(file.tensors().at("c"), "c"), (std::vector<float>{1}));
}

// BERT's published folders hold embeddings.position_ids: read as bytes, no values.
TEST(Safetensors, keeps_buffers_of_other_types_without_reading_their_values) {
  const TemporaryFolder folder;
  for (const auto& [name, bytes] : {std::pair{"I64", 8},
                                    {"F64", 8},
                                    {"C64", 8},
                                    {"U64", 8},
                                    {"I32", 4},
                                    {"U32", 4},
                                    {"I16", 2},
                                    {"U16", 2},
                                    {"U8", 1},
                                    {"BOOL", 1},
                                    {"I8", 1},
                                    {"F8_E4M3", 1},
                                    {"F8_E5M2", 1}}) {
    SCOPED_TRACE(name);
    const std::string size = std::to_string(3 * bytes);
    const Safetensors file(folder.write(
        "x.safetensors", file_of(R"({"t":{"dtype":")" + std::string(name) +
                                     R"(","shape":[1,3],"data_offsets":[0,)" + size + "]}}",
                                 std::string(static_cast<std::size_t>(3 * bytes), '\1'))));
    const TensorView& tensor = file.tensors().at("t");
    EXPECT_EQ(tensor.elements(), 3);
    EXPECT_STREQ(name_of(tensor.dtype), name);
    EXPECT_THROW(to_f32(tensor, "t"), InvalidFormat);
    EXPECT_THROW(require_finite(tensor, "t"), InvalidFormat);
    float value = 0;
    EXPECT_THROW(widen(tensor.data.data(), tensor.dtype, 1, &value), InvalidArgument);
    EXPECT_THROW(narrow(std::span(&value, 1), tensor.dtype), InvalidArgument);
  }
}

TEST(Safetensors, widens_every_f16_value_rightly) {
  std::vector<std::uint16_t> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  std::vector<float> out(halves.size());
  widen(reinterpret_cast<const std::byte*>(halves.data()), DType::kF16, halves.size(), out.data());
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const int exponent = static_cast<int>(i >> 10 & 31), mantissa = static_cast<int>(i & 1023);
    double expected =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    if (exponent == 31)
      expected = mantissa ? std::numeric_limits<double>::quiet_NaN()
                          : std::numeric_limits<double>::infinity();
    if (i & 0x8000) expected = -expected;
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(out[i]));
    } else {
      EXPECT_EQ(out[i], expected) << i;
    }
  }
}

TEST(Safetensors, names_the_tensor_and_the_element_that_is_not_finite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> values(5000, 1.0f);
  values[4321] = nan;
  try {
    check_finite(values, "DIR: tensor x");
    FAIL();
  } catch (const InvalidFormat& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("DIR: tensor x: expected finite values, found NaN at element 4321"));
  }
}

TEST(Safetensors, says_what_is_wrong_with_a_bad_file) {
  const auto entry = [](const std::string& body, const std::string& data = std::string(8, '\0')) {
    return file_of("{\"t\":" + body + "}", data);
  };
  const struct {
    std::string content, message;
  } cases[] = {
      {"", "expected at least 8 bytes, found 0"},
      {"1234567", "expected at least 8 bytes, found 7"},
      {std::string(8, '\xFF') + "{}",
       "header length 18446744073709551615: the file holds 2 bytes after it"},
      {std::string("\x10\0\0\0\0\0\0\0", 8) + "{}", "header length 16: the file holds 2"},
      {file_of("not json", ""), "the header is no JSON"},
      {file_of("[]", ""), "the header: expected an object, found array"},
      {file_of("{\"t\":\xFF}", ""), "the header is no JSON"},
      {file_of(std::string(100, '['), ""), "nested deeper than 16"},
      {entry("5"), "tensor t: expected an object, found 5"},
      {entry(R"({"shape":[2],"data_offsets":[0,8]})"), "tensor t: expected the key dtype"},
      {entry(R"({"dtype":"F32","data_offsets":[0,8]})"), "tensor t: expected the key shape"},
      {entry(R"({"dtype":"F32","shape":[2]})"), "tensor t: expected the key data_offsets"},
      {entry(R"({"dtype":"I65","shape":[1],"data_offsets":[0,8]})"),
       "dtype is I65; supported: F32, F16, BF16, I8"},
      {entry(R"({"dtype":"I64","shape":[2],"data_offsets":[0,8]})"),
       "expected 16 bytes for its shape and dtype, found 8"},
      {entry(R"({"dtype":3,"shape":[1],"data_offsets":[0,8]})"),
       "dtype: expected a string, found 3"},
      {entry(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
       "shape: expected a non-negative integer, found -2"},
      {entry(R"({"dtype":"F32","shape":[2.5],"data_offsets":[0,8]})"),
       "shape: expected a non-negative integer, found 2.5"},
      {entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"),
       "data_offsets: expected [begin, end]"},
      {entry(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
       "the end lies before the begin"},
      {entry(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})"),
       "the file holds only 8 bytes of data"},
      {entry(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
       "expected 12 bytes for its shape and dtype, found 8"},
      {entry(R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]})"),
       "expected fewer than 2^64"},
      {entry(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"), "expected them to begin at 0"},
      {entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"),
       "the tensors end at byte 4 of the data, the file holds 8"},
      {file_of(
           R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           std::string(8, '\0')),
       "overlap the tensor before"},
      {file_of(
           R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
           std::string(8, '\0')),
       "the header names the tensor a twice"},
      {entry("\"" + std::string(1000, 'x') + "\""), std::string(79, 'x') + "..."},
      {entry("[" + std::string(998, ' ') + "1" + std::string(999, ' ') + "]"),
       "tensor t: expected an object, found [1]"},
  };
  for (const auto& [content, message] : cases) {
    SCOPED_TRACE(message);
    const std::string found = refusal_of(content);
    EXPECT_THAT(found, HasSubstr(message));
    EXPECT_THAT(found, HasSubstr("x.safetensors"));
  }
  EXPECT_THROW(Safetensors("/nowhere/x.safetensors"), IoError);
  EXPECT_THROW(Safetensors("/tmp"), IoError);
}

// The file has holes: it takes no space and is not read beyond its first bytes.
TEST(Safetensors, refuses_a_header_beyond_the_limit_of_the_reference) {
  const TemporaryFolder folder;
  const std::uint64_t length = 100'000'001;
  std::string prefix(sizeof length, '\0');
  std::memcpy(prefix.data(), &length, sizeof length);
  const std::string path = folder.write("x.safetensors", prefix);
  std::filesystem::resize_file(path, 8 + length);
  try {
    const Safetensors file(path);
    FAIL();
  } catch (const InvalidFormat& error) {
    EXPECT_THAT(error.what(), HasSubstr("header length 100000001: expected at most 100000000"));
  }
}

// Truncations at every byte and random flips: a file opens or is refused, and what opens can be
// read.
TEST(Safetensors, survives_truncation_and_flipped_bytes_anywhere) {
  const std::string good = good_file();
  std::mt19937 random(1);
  int opened = 0, refused = 0;
  const TemporaryFolder folder;
  const auto attempt = [&](const std::string& content) {
    try {
      const Safetensors file(folder.write("x.safetensors", content));
      for (const auto& [name, tensor] : file.tensors()) to_f32(tensor, name);
      ++opened;
    } catch (const Error&) {
      ++refused;
    }
  };
  for (std::size_t size = 0; size < good.size(); ++size) attempt(good.substr(0, size));
  for (int i = 0; i < 2000; ++i) {
    std::string bad = good;
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips)
      bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
    attempt(bad);
  }
  EXPECT_GE(opened + refused, 2000);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace narabi::checkpoint
