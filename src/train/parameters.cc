#include "train/parameters.h"

#include <algorithm>
#include <cstring>

#include "checkpoint/safetensors_writer.h"
#include "narabi/error.h"

namespace narabi::train {
namespace {

bool starts_with_any(const std::string& name, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const std::string& prefix) { return name.starts_with(prefix); });
}

}  // namespace

std::span<const std::byte> bytes_of(const torch::Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

void add_linear(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t out,
                std::int64_t in, bool bias) {
  specs.push_back({name + ".weight", {out, in}});
  if (bias) specs.push_back({name + ".bias", {out}, Init::kZeros, false});
}

void add_norm(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t width,
              bool bias) {
  specs.push_back({name + ".weight", {width}, Init::kOnes, false});
  if (bias) specs.push_back({name + ".bias", {width}, Init::kZeros, false});
}

Parameters::Parameters(std::vector<ParameterSpec> specs) : specs_(std::move(specs)) {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    tensors_.push_back(torch::zeros(specs_[i].shape).set_requires_grad(true));
    index_.emplace(specs_[i].name, i);
  }
}

const torch::Tensor& Parameters::at(const std::string& name) const {
  return tensors_[index_.at(name)];
}

torch::Tensor Parameters::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? torch::Tensor() : tensors_[found->second];
}

std::int64_t Parameters::count() const {
  std::int64_t count = 0;
  for (const torch::Tensor& tensor : tensors_) count += tensor.numel();
  return count;
}

void Parameters::move_to(const torch::Device& device) {
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& tensor : tensors_)
    tensor = tensor.detach().to(device).set_requires_grad(true);
}

void Parameters::initialise(double deviation, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  auto generator = at::detail::createCPUGenerator(seed);
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    switch (specs_[i].init) {
      case Init::kNormal:
        tensors_[i].normal_(0, deviation, generator);
        break;
      case Init::kZeros:
        tensors_[i].zero_();
        break;
      case Init::kOnes:
        tensors_[i].fill_(1);
        break;
    }
  }
}

void Parameters::load(const checkpoint::ModelFolder& folder, const std::vector<std::string>& owned,
                      const std::vector<std::string>& optional) {
  std::vector<checkpoint::TensorSpec> wanted;
  for (const ParameterSpec& spec : specs_) {
    if (folder.find(spec.name) != nullptr || !starts_with_any(spec.name, optional))
      wanted.push_back({spec.name, spec.shape});
  }
  const checkpoint::TensorTable table(folder, wanted, owned);
  const torch::NoGradGuard no_grad;
  for (const checkpoint::TensorSpec& spec : wanted) {
    std::vector<float> values = table.f32(spec.name);
    at(spec.name).copy_(torch::from_blob(values.data(), spec.shape));
  }
}

void Parameters::save(const std::string& path, checkpoint::DType dtype) const {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> values;  // owns what the views below borrow
  std::vector<checkpoint::TensorToWrite> views;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const auto type = dtype == checkpoint::DType::kF16 ? torch::kFloat16 : torch::kFloat32;
    values.push_back(tensors_[i].detach().to(torch::kCPU, type).contiguous());
    views.push_back({specs_[i].name, dtype, specs_[i].shape, bytes_of(values.back())});
  }
  checkpoint::write_safetensors(path, views, {{"format", "pt"}});
}

}  // namespace narabi::train
