// Which precision a folder is run in, by the record of its quality gate in narabi.json
// (checkpoint/model_record.h).
#pragma once

#include <string>

#include "narabi/options.h"

namespace narabi::engine {

// A gate holds when the order stays: against f32, Kendall tau >= kLeastTau and |change of nDCG@10|
// <= kMostNdcgChange.
inline constexpr double kLeastTau = 0.98;
inline constexpr double kMostNdcgChange = 0.003;

// kAuto: int8 where narabi.json records that its gate held, else f32. A folder that `narabi
// quantize` packed holds int8 weights only: kInt8 gives them, and kAuto unless its gate is known
// not to hold; all else throws Unsupported.
Precision choose_precision(const std::string& folder, Precision wanted);

}  // namespace narabi::engine
