// Weights to start from that already rank: attention finds the query's words in the passage, and
// the logit is how much of the query's weight (idf) it found. From random weights a small model on
// little data hardly finds that by itself (docs/training.md has the figures).
#pragma once

#include <string>
#include <vector>

#include "checkpoint/config_file.h"
#include "narabi/tokenizer.h"
#include "train/parameters.h"

namespace narabi::train {

// On top of weights drawn at random. `texts`: files of a paragraph a line, that words' frequencies
// and meanings (PPMI, reduced by SVD) come from; about vocabulary^2 x 4 bytes of memory for a
// while.
//
//   layer 0   which side of the first separator a token stands on; the token before it
//   layer 1   equal tokens, equal pairs of tokens, alike spellings and alike meanings on the other
//             side: m = e^s / (e^s + e^sink), so k equal tokens give k / (k + 1); then m x idf
//   layer 2   the mean of m over the query, weighted by idf; of m x idf over each neighbourhood
//   layer 3   the best neighbourhood of the passage (with 3 layers that is left out)
//   head      the sum of these
// and in the other heads from layer 1 on, attention to like tokens (train/match_heads.h).
//
// ModernBERT of at least 3 layers, the first 4 global, 4 or more heads of 64, a rope_theta of 1e6
// or more, and a vocabulary of at most 32,768; throws Unsupported for others.
void start_lexical(Parameters& parameters, const checkpoint::ConfigFile& config,
                   const std::string& tokenizer_folder, const std::vector<std::string>& texts,
                   std::uint64_t seed);

}  // namespace narabi::train
