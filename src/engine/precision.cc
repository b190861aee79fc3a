#include "engine/precision.h"

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/cpu.h"
#include "checkpoint/config_file.h"
#include "narabi/error.h"

namespace narabi::engine {
namespace {

checkpoint::ConfigFile record_of(const std::string& folder) {
  return checkpoint::ConfigFile::empty((std::filesystem::path(folder) / "narabi.json").string());
}

}  // namespace

const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return "f32";
    case Precision::kBf16:
      return "bf16";
    case Precision::kInt8:
      return "int8";
    case Precision::kAuto:
      break;
  }
  return "auto";
}

bool Gate::holds(double tau, double ndcg_change, double difference) const {
  return tau >= least_tau && std::abs(ndcg_change) <= most_ndcg_change &&
         difference <= most_difference;
}

Gate gate_of(Precision precision) {
  if (precision == Precision::kBf16) return {0.98, 0.001, 0.03};
  return {0.98, 0.003, std::numeric_limits<double>::infinity()};
}

Precision choose_precision(const std::string& folder, Precision wanted) {
  const checkpoint::ConfigFile record = record_of(folder);
  const bool packed = record.has("packed");
  if (packed && (wanted == Precision::kF32 || wanted == Precision::kBf16)) {
    throw Unsupported(
        record.path() +
        ": packed: the folder holds int8 weights; expected --precision int8 or auto, or the folder "
        "it was made from");
  }
  if (wanted != Precision::kAuto) return wanted;
  if (record.flag("precision.int8.held", packed)) return Precision::kInt8;
  if (packed) {
    throw Unsupported(record.path() +
                      ": precision.int8.held is false: the packed weights do not keep the order of "
                      "f32; --precision int8 takes them all the same");
  }
  return base::bf16_is_fast() && record.flag("precision.bf16.held", false) ? Precision::kBf16
                                                                           : Precision::kF32;
}

LayerPrecisions recorded_layers(const std::string& folder, Precision precision) {
  LayerPrecisions layers;
  if (precision == Precision::kF32) return layers;
  const checkpoint::ConfigFile record = record_of(folder);
  const std::string of = std::string("precision.") + name_of(precision) + ".";
  for (const Precision wider : {Precision::kBf16, Precision::kF32}) {
    const std::string key = of + name_of(wider);
    if (!record.has(key)) continue;
    for (const std::string& layer : record.texts(key)) layers[layer] = wider;
  }
  return layers;
}

LayerPrecisions for_this_cpu(LayerPrecisions layers) {
  for (auto& [layer, precision] : layers) {
    if (precision == Precision::kBf16 && !base::bf16_is_fast()) precision = Precision::kF32;
  }
  return layers;
}

kernels::Operand operand_of(Precision precision) {
  switch (precision) {
    case Precision::kInt8:
      return kernels::Operand::kInt8;
    case Precision::kBf16:
      return kernels::Operand::kBf16;
    case Precision::kF32:
    case Precision::kAuto:
      break;
  }
  return kernels::Operand::kF32;
}

models::GroupOperands operands_of(const LayerPrecisions& layers) {
  models::GroupOperands operands;
  for (const auto& [layer, precision] : layers) operands[layer] = operand_of(precision);
  return operands;
}

}  // namespace narabi::engine
