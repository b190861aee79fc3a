// The weights of a transformer layer as the kernels want them: packed, padded, in the precision
// asked for.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/model_folder.h"
#include "kernels/packed_weight.h"
#include "models/packed_tensors.h"

namespace narabi::models {

// Padded to a multiple of 32 with zeros; bias empty where the model has none.
struct LayerNormWeights {
  std::vector<float> weight, bias;
  std::size_t width = 0;  // before padding
};

struct AttentionWeights {
  kernels::PackedWeight query, key, value, output;
};

struct FeedForwardWeights {
  kernels::PackedWeight up, down;
  bool gated = false;
};

// Sizes of a layer, as in config.json and padded.
struct LayerShape {
  std::size_t hidden = 0, heads = 0, intermediate = 0;
  bool rotary = false;
  bool vectors = true;  // heads fill whole vectors, as rotation and bf16 attention want them

  std::size_t head_size() const { return hidden / heads; }
  // Half a head fills whole vectors when it is rotated; a head fills whole pairs of vectors, unless
  // no kernel asks for it: small heads would be mostly padding.
  std::size_t half_width() const { return (head_size() / 2 + 15) / 16 * 16; }
  std::size_t head_width() const;
  std::size_t attention_width() const { return kernels::padded_width(heads * head_width()); }
  std::size_t hidden_width() const { return kernels::padded_width(hidden); }
  std::size_t inner_width() const { return kernels::padded_width(intermediate); }
};

// What the linear layers multiply: `most`, but the groups (see group_of) in `others` what they have
// there.
using GroupOperands = std::map<std::string, kernels::Operand>;
struct Operands {
  kernels::Operand most = kernels::Operand::kF32;
  GroupOperands others = {};
};

// The linear layers that read the same rows, and so have the same operand, by one name:
// "....attention.self" of BERT's query, key and value; of any other layer its own name.
std::string group_of(const std::string& name);

// Reads a model's weights into packed form.
class WeightLoader {
 public:
  WeightLoader(const checkpoint::TensorTable& tensors, Operands operands)
      : tensors_(&tensors), operands_(std::move(operands)) {}

  const checkpoint::TensorTable& tensors() const { return *tensors_; }
  bool full_precision() const {
    return operands_.most == kernels::Operand::kF32 && operands_.others.empty();
  }
  LayerNormWeights norm(const std::string& name) const;
  // Throws InvalidFormat where a packed folder has another operand for one of the three than for
  // the others.
  AttentionWeights checked(AttentionWeights weights, const std::string& name) const;
  // name + ".weight" [out, in] and, where the table has it, name + ".bias"; or its packed form, see
  // packed_tensors.h. `part`: of a fused layer, "query", "key" or "value".
  kernels::PackedWeight linear(const std::string& name, const kernels::PackOrder& order,
                               const std::string& part = "") const;
  // From now on every linear layer that is read is added to `weights`, too.
  void record(std::vector<NamedWeight>* weights) { recorded_ = weights; }

 private:
  kernels::Operand operand_of(const std::string& name) const;

  const checkpoint::TensorTable* tensors_;
  Operands operands_;
  std::vector<NamedWeight>* recorded_ = nullptr;
};

// Columns of queries or keys: heads padded to head_width(); rotary ones with the halves interleaved
// by vectors. `first`: the row of the source where they begin.
std::vector<std::ptrdiff_t> query_order(const LayerShape& shape, std::size_t first);
// Columns of values, and inputs of the output projection: heads padded to head_width().
std::vector<std::ptrdiff_t> value_order(const LayerShape& shape, std::size_t first);
// Columns of a gated feed-forward: a vector of inputs, then the vector of their gates.
std::vector<std::ptrdiff_t> gate_order(const LayerShape& shape);

}  // namespace narabi::models
