// Another scale and offset for a reranker's logits, inside of its weights, so that they hold for
// every engine that reads the folder.
#pragma once

#include <string>

namespace narabi::checkpoint {

// Writes a folder whose logits are scale x logit + offset of `folder`'s: by its last layer,
// "classifier" or its "out_proj", in its own type; a power of two as scale rounds no weight. The
// weight of BM25 in narabi.json goes with it; precision records stay, since the order does.
// Returns the offset as it could be stored. Throws InvalidArgument, naming the folder, when there
// is no such layer, no bias for the offset, several outputs, or `output` is `folder`; Unsupported
// for a packed folder.
double rescale_logits(const std::string& folder, const std::string& output, double scale,
                      double offset);

}  // namespace narabi::checkpoint
