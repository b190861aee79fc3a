// A long document as windows that each fit the model: the best window speaks for the document
// (MaxP, Dai and Callan 2019).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "narabi/tokenizer.h"

namespace narabi::service {

// Views into `document`, in order, that cover it: whole sentences of together at most `budget`
// tokens, each window beginning with the last sentence of the one before where there is room. A
// sentence longer than the budget is cut between characters.
std::vector<std::string_view> cut_windows(const Tokenizer& tokenizer, std::string_view document,
                                          int budget);

}  // namespace narabi::service
