#include "checkpoint/safetensors_writer.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>

#include "narabi/error.h"

namespace narabi::checkpoint {
namespace {

std::span<const std::byte> bytes_of(const std::vector<float>& values) {
  return std::as_bytes(std::span(values));
}

TEST(SafetensorsWriter, WhatIsWrittenIsReadBack) {
  const std::string path = testing::TempDir() + "narabi-writer-test.safetensors";
  const std::vector<float> first = {1, -2, 3.5f, 0, 7, 8}, second = {9};
  const std::vector<TensorToWrite> tensors = {{"b.weight", DType::kF32, {2, 3}, bytes_of(first)},
                                              {"a.bias", DType::kF32, {1}, bytes_of(second)}};
  write_safetensors(path, tensors, {{"format", "pt"}});
  const Safetensors file(path);
  ASSERT_EQ(file.tensors().size(), 2u);
  const auto& tensor = file.tensors().at("b.weight");
  EXPECT_EQ(tensor.shape, (std::vector<std::int64_t>{2, 3}));
  ASSERT_EQ(tensor.data.size(), first.size() * sizeof(float));
  EXPECT_EQ(std::memcmp(tensor.data.data(), first.data(), tensor.data.size()), 0);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data.data()) % 64, 0u);
  std::remove(path.c_str());
}

TEST(SafetensorsWriter, RefusesASizeThatDoesNotFitAndANameThatComesTwice) {
  const std::string path = testing::TempDir() + "narabi-writer-test.safetensors";
  const std::vector<float> values = {1, 2};
  const std::vector<TensorToWrite> short_one = {{"a", DType::kF32, {3}, bytes_of(values)}};
  EXPECT_THROW(write_safetensors(path, short_one, {}), InvalidArgument);
  const std::vector<TensorToWrite> twice = {{"a", DType::kF32, {2}, bytes_of(values)},
                                            {"a", DType::kF32, {2}, bytes_of(values)}};
  EXPECT_THROW(write_safetensors(path, twice, {}), InvalidArgument);
  EXPECT_EQ(std::fopen(path.c_str(), "rb"), nullptr);
}

}  // namespace
}  // namespace narabi::checkpoint
