// What a model demands of its input, as errors rather than reads beyond a table.
#pragma once

#include "models/encoder.h"

namespace narabi::models {

// Throws InvalidArgument naming the position, expected and found, for an empty or over-long
// sequence, an id outside the vocabulary, or a token type outside its table.
void check_sequence(const Sequence& input, const EncoderShape& shape);

}  // namespace narabi::models
