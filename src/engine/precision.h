// Which precision a folder is run in, and the record of its quality gate in narabi.json:
//   {"precision": {"int8": {"kendall_tau": 0.998, "ndcg_change": 0.0002, "held": true}}}
#pragma once

#include <string>

#include "narabi/options.h"

namespace narabi::engine {

// A gate holds when the order stays: against f32, Kendall tau >= kLeastTau and |change of nDCG@10|
// <= kMostNdcgChange.
inline constexpr double kLeastTau = 0.98;
inline constexpr double kMostNdcgChange = 0.003;

// kAuto: int8 where narabi.json records that its gate held, else f32. A folder that `narabi
// quantize` wrote holds int8 weights: kAuto and kInt8 give int8, others throw Unsupported.
Precision choose_precision(const std::string& folder, Precision wanted);

}  // namespace narabi::engine
