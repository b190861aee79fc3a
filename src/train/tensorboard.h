// TensorBoard event files: TFRecords of Event messages (tensorflow/core/util/event.proto).
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace narabi::train {

class TensorBoard {
 public:
  explicit TensorBoard(const std::string& folder);  // a new file in it; throws IoError
  ~TensorBoard();
  TensorBoard(const TensorBoard&) = delete;
  TensorBoard& operator=(const TensorBoard&) = delete;

  void scalar(const std::string& tag, std::int64_t step, double value);

 private:
  void record(const std::string& event);

  std::FILE* file_ = nullptr;
};

// CRC-32C (Castagnoli), which TFRecord masks.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace narabi::train
