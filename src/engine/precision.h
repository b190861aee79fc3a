// Which precision a folder is run in, by the record of its quality gate in narabi.json
// (checkpoint/model_record.h).
#pragma once

#include <map>
#include <string>

#include "models/layer_weights.h"
#include "narabi/options.h"

namespace narabi::engine {

// A gate holds when the order stays: against f32, Kendall tau >= kLeastTau and |change of nDCG@10|
// <= kMostNdcgChange.
inline constexpr double kLeastTau = 0.98;
inline constexpr double kMostNdcgChange = 0.003;

const char* name_of(Precision precision);  // "f32", "bf16", "int8", "auto"

// kAuto: int8 where narabi.json records that its gate held, else bf16 where it records that and
// bf16 is fast on this CPU, else f32. A folder that `narabi
// quantize` packed holds int8 weights only: kInt8 gives them, and kAuto unless its gate is known
// not to hold; all else throws Unsupported.
Precision choose_precision(const std::string& folder, Precision wanted);

// Groups of linear layers (models/layer_weights.h) that multiply in another precision than the
// rest.
using LayerPrecisions = std::map<std::string, Precision>;

// Those that narabi.json records for a folder in `precision`: what calibration.h found. None where
// there is no record; a packed folder's operands say it themselves. Throws InvalidFormat.
LayerPrecisions recorded_layers(const std::string& folder, Precision precision);

// As this CPU runs them faster: where bf16 is slower than f32 (base::bf16_is_fast), f32 in its
// place.
LayerPrecisions for_this_cpu(LayerPrecisions layers);

kernels::Operand operand_of(Precision precision);  // kAuto: f32
models::GroupOperands operands_of(const LayerPrecisions& layers);

}  // namespace narabi::engine
