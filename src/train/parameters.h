// The trainable weights of a model: a table of tensors under the names of its checkpoint, so that
// loading and exporting are the identity.
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/model_folder.h"

namespace narabi::train {

enum class Init { kNormal, kZeros, kOnes };

struct ParameterSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  Init init = Init::kNormal;
  bool decay = true;  // weight decay: matrices yes, biases and norms no
};

// [out, in] with or without a bias; a norm's scale, with or without a bias.
void add_linear(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t out,
                std::int64_t in, bool bias);
void add_norm(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t width,
              bool bias);

// What a contiguous tensor on the CPU holds.
std::span<const std::byte> bytes_of(const torch::Tensor& tensor);

// All f32 leaves that require a gradient, in the order of the specs.
class Parameters {
 public:
  explicit Parameters(std::vector<ParameterSpec> specs);

  const std::vector<ParameterSpec>& specs() const { return specs_; }
  const std::vector<torch::Tensor>& tensors() const { return tensors_; }
  const torch::Tensor& at(const std::string& name) const;
  torch::Tensor find(const std::string& name) const;  // undefined where there is none: a bias
  std::int64_t count() const;                         // numbers in all

  void move_to(const torch::Device& device);

  // Normal(0, deviation), zeros and ones as the specs say. The same seed gives the same weights.
  void initialise(double deviation, std::uint64_t seed);
  // From the tensors of a folder; throws as TensorTable does. Names in `optional` that the folder
  // lacks keep their values (a head that a pretrained encoder has not got).
  void load(const checkpoint::ModelFolder& folder, const std::vector<std::string>& owned,
            const std::vector<std::string>& optional);
  // "model.safetensors" as f32 or f16, with the same names.
  void save(const std::string& path, checkpoint::DType dtype) const;

 private:
  std::vector<ParameterSpec> specs_;
  std::vector<torch::Tensor> tensors_;
  std::map<std::string, std::size_t> index_;
};

}  // namespace narabi::train
