#include "train/world.h"

#include <cstdlib>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "narabi/error.h"

namespace narabi::train {
namespace {

constexpr std::chrono::seconds kPatience{
    300};  // a rank that died does not hang the others for good

int number_of(const char* variable, int low, int high) {
  const char* text = std::getenv(variable);
  char* end = nullptr;
  const long value = text == nullptr ? low - 1L : std::strtol(text, &end, 10);
  if (text == nullptr || end == text || *end != '\0' || value < low || value > high) {
    throw InvalidArgument(std::string(variable) + ": expected a number of " + std::to_string(low) +
                          " to " + std::to_string(high) + ", found " +
                          (text == nullptr ? "nothing" : "\"" + std::string(text) + "\""));
  }
  return static_cast<int>(value);
}

class GlooWorld final : public World {
 public:
  GlooWorld(int rank, int size) : rank_(rank), size_(size) {
    const char* address = std::getenv("MASTER_ADDR");
    if (address == nullptr) throw InvalidArgument("MASTER_ADDR: expected a host, found nothing");
    c10d::TCPStoreOptions where;
    where.port = static_cast<std::uint16_t>(number_of("MASTER_PORT", 1, 65535));
    where.isServer = rank == 0;
    where.numWorkers = static_cast<std::size_t>(size);
    where.timeout = kPatience;
    try {
      store_ = c10::make_intrusive<c10d::TCPStore>(address, where);
      auto options = c10d::ProcessGroupGloo::Options::create(kPatience);
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(address));
      group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, rank, size, options);
    } catch (const std::exception& error) {
      throw IoError("rank " + std::to_string(rank) + " of " + std::to_string(size) + " at " +
                    address + ":" + std::to_string(where.port) + ": " + error.what());
    }
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  double sum(double value) override { return reduce(value, c10d::ReduceOp::SUM); }
  double largest(double value) override { return reduce(value, c10d::ReduceOp::MAX); }
  void barrier() override { sum(0); }

  // One message for all tensors: a small model is hundreds of them.
  void sum(std::vector<torch::Tensor>& tensors) override {
    const torch::NoGradGuard no_grad;
    std::vector<torch::Tensor> flat;
    for (const torch::Tensor& tensor : tensors) flat.push_back(tensor.flatten());
    std::vector<torch::Tensor> message = {torch::cat(flat).to(torch::kCPU)};
    reduce(message, c10d::ReduceOp::SUM);
    std::int64_t begin = 0;
    for (torch::Tensor& tensor : tensors) {
      tensor.copy_(message[0].narrow(0, begin, tensor.numel()).view(tensor.sizes()));
      begin += tensor.numel();
    }
  }

 private:
  void reduce(std::vector<torch::Tensor>& message, c10d::ReduceOp::RedOpType operation) {
    c10d::AllreduceOptions options;
    options.reduceOp = operation;
    try {
      group_->allreduce(message, options)->wait();
    } catch (const std::exception& error) {
      throw IoError("rank " + std::to_string(rank_) + ": another process is gone: " + error.what());
    }
  }
  double reduce(double value, c10d::ReduceOp::RedOpType operation) {
    std::vector<torch::Tensor> message = {torch::full({1}, value, torch::kFloat64)};
    reduce(message, operation);
    return message[0].item<double>();
  }

  int rank_, size_;
  c10::intrusive_ptr<c10d::Store> store_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

}  // namespace

std::unique_ptr<World> World::from_environment() {
  if (std::getenv("WORLD_SIZE") == nullptr) return std::make_unique<World>();
  const int size = number_of("WORLD_SIZE", 1, 4096);
  if (size == 1) return std::make_unique<World>();
  return std::make_unique<GlooWorld>(number_of("RANK", 0, size - 1), size);
}

}  // namespace narabi::train
