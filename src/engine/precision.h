// Which precision a folder is run in, by the record of its quality gate in narabi.json
// (checkpoint/model_record.h).
#pragma once

#include <map>
#include <string>

#include "models/layer_weights.h"
#include "narabi/options.h"

namespace narabi::engine {

// What the scores of a precision have to keep of those of f32 for its gate to hold.
struct Gate {
  double least_tau;         // Kendall, within a question's candidates, mean over the questions
  double most_ndcg_change;  // of nDCG@10, either way
  double most_difference;   // of a logit; infinity where the order alone counts

  bool holds(double tau, double ndcg_change, double difference) const;
};

Gate gate_of(Precision precision);

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
