// The contract of every encoder and head, and the memory they work in.
//
// Letters: N tokens of a sequence, R rows of a batch (the tokens of its sequences, one after
// another), H hidden, A heads, D head size, F feed-forward, V vocabulary.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "checkpoint/model_folder.h"
#include "kernels/rows.h"
#include "models/recent_rows.h"

namespace narabi::models {

// The input of a model: N ids, and N token types or none.
struct Sequence {
  std::span<const std::int32_t> input_ids;
  std::span<const std::int32_t> token_type_ids;
};

class Workspace;

// The threads that share one forward pass.
class Crew {
 public:
  virtual ~Crew() = default;
  virtual std::size_t members() const = 0;
  // Calls body(piece, the member's workspace) for every piece in [0, count), each once, on any
  // member. Returns when all are done.
  virtual void share(std::size_t count,
                     const std::function<void(std::size_t piece, Workspace& own)>& body) = 0;
};

// The scratch memory of one thread, and who works with it. Buffers grow to the largest batch seen
// and stay.
class Workspace {
 public:
  enum Slot {
    kHidden,      // x
    kNormed,      // a row of norm(x)
    kPanelInput,  // operand rows of norm(x), a panel of them
    kInput,       // operand rows of a layer
    kQueryInput,  // those of them that are queries
    kQuery,
    kKey,
    kValue,
    kContext,
    kContextInput,
    kInner,  // a panel of the feed-forward
    kInnerInput,
    kAttention,
    kPositions,
    kTokenInput,
    kSlots
  };
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  // At least `count` bytes, 64-byte aligned; what they held before is undefined after growing.
  std::byte* bytes(Slot slot, std::size_t count);
  float* floats(Slot slot, std::size_t count);
  kernels::OperandRows operand_rows(Slot slot, kernels::Operand operand, std::size_t rows,
                                    std::size_t width);
  RecentRows& recent_rows() { return recent_; }

  // Null (the thread works alone), or who shares the passes that work in this memory.
  void set_crew(Crew* crew) { crew_ = crew; }
  std::size_t members() const { return crew_ ? crew_->members() : 1; }
  // As Crew::share; alone, `own` is this workspace.
  template <typename Body>
  void share(std::size_t count, const Body& body) {
    if (crew_ && count > 1) return crew_->share(count, body);
    for (std::size_t piece = 0; piece < count; ++piece) body(piece, *this);
  }

 private:
  struct Buffer;
  Crew* crew_ = nullptr;
  std::array<std::unique_ptr<Buffer>, kSlots> buffers_;
  RecentRows recent_;
};

// Sees intermediate results: ("embeddings" | "layer.0" ... | "final_norm", [rows, width]). For
// tests.
using Probe = std::function<void(std::string_view name, const float* values, std::size_t rows,
                                 std::size_t width)>;

struct EncoderShape {
  int layers = 0;
  int hidden = 0;
  int intermediate = 0;
  int heads = 0;
  int vocabulary = 0;
  int max_tokens = 0;   // longest sequence that the positions allow
  int token_types = 0;  // rows of the token type table, 0: none
};

// Which hidden states somebody reads. What nobody reads is not computed; what is computed is the
// same to the last bit.
enum class Wanted { kFirst, kAll };

// Immutable, shared between threads.
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual const EncoderShape& shape() const = 0;
  // Hidden states [N, H] (or the first one) of every sequence, in the workspace, valid until its
  // next use. Bit-identical for a sequence in any batch. `probe` may be null; it asks for one
  // sequence and kAll.
  virtual std::vector<const float*> forward(std::span<const Sequence> batch, Wanted wanted,
                                            Workspace& workspace, const Probe* probe) const = 0;
};

// Hidden states to one logit.
class Head {
 public:
  virtual ~Head() = default;
  virtual Wanted wanted() const = 0;
  virtual float logit(const float* hidden, std::size_t tokens, const Probe* probe) const = 0;
};

struct LoadedModel {
  std::unique_ptr<checkpoint::ModelFolder>
      folder;  // owns the mapping that the embeddings look into
  std::unique_ptr<Encoder> encoder;
  std::unique_ptr<Head> head;  // null for a bare encoder
};

}  // namespace narabi::models
