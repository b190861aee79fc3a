#include "train/training_state.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/atomic_file.h"
#include "base/line_reader.h"
#include "checkpoint/safetensors_writer.h"
#include "narabi/error.h"

namespace narabi::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kKept = 2;
const std::string kPrefix = "checkpoint-", kPartial = ".partial";

// Whole checkpoints by step.
std::map<std::int64_t, fs::path> checkpoints(const std::string& folder) {
  std::map<std::int64_t, fs::path> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix) || name.ends_with(kPartial)) continue;
    const std::string digits = name.substr(kPrefix.size());
    if (!digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos)
      found[std::stoll(digits)] = entry.path();
  }
  return found;
}

void save_moments(const std::string& path, const Parameters& parameters, AdamW& optimizer) {
  std::vector<torch::Tensor> values;
  std::vector<checkpoint::TensorToWrite> views;
  for (std::size_t i = 0; i < parameters.specs().size(); ++i) {
    const ParameterSpec& spec = parameters.specs()[i];
    for (const auto& [kind, tensor] :
         {std::pair{"first.", optimizer.first()[i]}, std::pair{"second.", optimizer.second()[i]}}) {
      values.push_back(tensor.to(torch::kCPU).contiguous());
      views.push_back(
          {kind + spec.name, checkpoint::DType::kF32, spec.shape, bytes_of(values.back())});
    }
  }
  checkpoint::write_safetensors(path, views, {});
}

void load_tensor(const checkpoint::Safetensors& file, const std::string& name,
                 torch::Tensor target) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end() || found->second.shape != target.sizes().vec() ||
      found->second.dtype != checkpoint::DType::kF32)
    throw InvalidFormat(file.path() + ": expected the f32 tensor " + name);
  torch::Tensor values = torch::empty(target.sizes());
  std::memcpy(values.data_ptr(), found->second.data.data(), found->second.data.size());
  target.copy_(values);
}

void require_same_config(const std::string& where, const std::string& found,
                         const std::string& expected) {
  if (found == expected) return;
  std::istringstream before(found), now(expected);
  std::string old_line, new_line;
  while (std::getline(before, old_line) && std::getline(now, new_line) && old_line == new_line) {
  }
  throw InvalidArgument(where + ": the checkpoint is of another config: it was \"" + old_line +
                        "\", now it is \"" + new_line +
                        "\". Choose another output, or --restart to begin again");
}

}  // namespace

void save_checkpoint(const std::string& folder, const std::string& config,
                     const Parameters& parameters, AdamW& optimizer, const Progress& progress) {
  const fs::path path = fs::path(folder) / (kPrefix + std::to_string(progress.step));
  const fs::path partial = path.string() + kPartial;
  try {
    fs::remove_all(partial);
    fs::create_directories(partial);
    parameters.save(partial / "weights.safetensors", checkpoint::DType::kF32);
    save_moments(partial / "moments.safetensors", parameters, optimizer);
    const json state = {{"config", config},
                        {"step", progress.step},
                        {"seconds", progress.seconds},
                        {"best", progress.best},
                        {"best_step", progress.best_step},
                        {"since_best", progress.since_best},
                        {"exported", progress.exported}};
    base::AtomicFile file(partial / "state.json");
    file.write(state.dump(1) + "\n");
    file.commit();
    fs::remove_all(path);
    fs::rename(partial, path);
  } catch (const fs::filesystem_error& error) {
    std::error_code none;
    fs::remove_all(partial, none);
    throw IoError(path.string() + ": " + error.code().message());
  } catch (...) {
    std::error_code none;
    fs::remove_all(partial, none);
    throw;
  }
  auto all = checkpoints(folder);
  while (all.size() > kKept) {
    std::error_code none;
    fs::remove_all(all.begin()->second, none);
    all.erase(all.begin());
  }
}

std::optional<Progress> resume(const std::string& folder, const std::string& config,
                               Parameters& parameters, AdamW& optimizer) {
  const auto all = checkpoints(folder);
  if (all.empty()) return std::nullopt;
  const fs::path path = all.rbegin()->second;
  const std::string state_path = path / "state.json";
  const json state = json::parse(base::read_file(state_path), nullptr, false);
  Progress progress;
  try {
    require_same_config(state_path, state.at("config").get<std::string>(), config);
    progress = {state.at("step").get<std::int64_t>(),
                state.at("seconds").get<double>(),
                state.at("best").get<double>(),
                state.at("best_step").get<std::int64_t>(),
                state.at("since_best").get<std::int64_t>(),
                state.at("exported").get<std::int64_t>()};
  } catch (const json::exception& error) {
    throw InvalidFormat(state_path + ": " + error.what());
  }
  const torch::NoGradGuard no_grad;
  const checkpoint::Safetensors weights(path / "weights.safetensors");
  const checkpoint::Safetensors moments(path / "moments.safetensors");
  for (std::size_t i = 0; i < parameters.specs().size(); ++i) {
    const std::string& name = parameters.specs()[i].name;
    load_tensor(weights, name, parameters.tensors()[i].detach());
    load_tensor(moments, "first." + name, optimizer.first()[i]);
    load_tensor(moments, "second." + name, optimizer.second()[i]);
  }
  optimizer.set_steps(progress.step);
  return progress;
}

}  // namespace narabi::train
