#include "train/tensorboard.h"

#include <unistd.h>

#include <bit>
#include <chrono>
#include <cstring>
#include <string_view>

#include "narabi/error.h"

namespace narabi::train {
namespace {

// Protocol buffers: field << 3 | wire type (0 varint, 1 eight bytes, 2 length-delimited, 5 four).
void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

template <class Number>
void put_fixed(std::string& out, Number value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);  // x86-64 is little-endian, and so is the wire
  out.append(bytes, sizeof value);
}

void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<std::uint64_t>(field << 3 | 2));
  put_varint(out, bytes.size());
  out += bytes;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Event: 1 wall_time (double), 2 step (int64), 3 file_version, 5 summary
std::string event(std::int64_t step) {
  std::string out;
  put_varint(out, 1 << 3 | 1);
  put_fixed(out, now());
  put_varint(out, 2 << 3 | 0);
  put_varint(out, static_cast<std::uint64_t>(step));
  return out;
}

std::string masked_crc(std::string_view bytes) {
  std::string out;
  put_fixed(out, std::rotr(crc32c(bytes), 15) + 0xA282EAD8u);
  return out;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0x82F63B78u & -(crc & 1));
  }
  return ~crc;
}

TensorBoard::TensorBoard(const std::string& folder) {
  const std::string path = folder + "/events.out.tfevents." +
                           std::to_string(static_cast<std::int64_t>(now())) + "." +
                           std::to_string(::getpid()) + ".narabi";
  file_ = std::fopen(path.c_str(), "wb");
  if (file_ == nullptr) throw IoError(path + ": " + std::strerror(errno));
  std::string version = event(0);
  put_bytes(version, 3, "brain.Event:2");
  record(version);
}

TensorBoard::~TensorBoard() {
  std::fclose(file_);
}

void TensorBoard::scalar(const std::string& tag, std::int64_t step, double value) {
  std::string number;  // Summary.Value: 1 tag, 2 simple_value (float)
  put_bytes(number, 1, tag);
  put_varint(number, 2 << 3 | 5);
  put_fixed(number, static_cast<float>(value));
  std::string summary, message = event(step);
  put_bytes(summary, 1, number);
  put_bytes(message, 5, summary);
  record(message);
}

void TensorBoard::record(const std::string& message) {
  std::string length;
  put_fixed(length, static_cast<std::uint64_t>(message.size()));
  const std::string whole = length + masked_crc(length) + message + masked_crc(message);
  std::fwrite(whole.data(), 1, whole.size(), file_);
  std::fflush(file_);
}

}  // namespace narabi::train
