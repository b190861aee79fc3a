// gemm() with the tiles of AMX: 2 x 2 of 16 rows x 16 columns at a time, sums of 64 bytes of inputs
// an instruction. What follows the product is not the tiles' work and takes about as long: it is
// done for the rows before while the tiles multiply the next ones.
#include "kernels/gemm_sets.h"
#include "kernels/tiles.h"
#include "kernels/vec.h"
// The shared source: what follows a product, and the products that tiles do not have.
#include "kernels/gemm_vector.inc"

namespace {

constexpr std::size_t kTileBytes = 64;  // of a tile's row
constexpr std::size_t kPairHeight = 2 * kTileHeight;
constexpr std::size_t kRowSums = narabi::kernels::kBlockColumns;  // of a row in memory: a block's
constexpr std::size_t kStepGroups = kTileBytes / 4;

// sums (+)= inputs x weights of one step: tiles 0 to 3 += 4, 5 x 6, 7.
template <typename Sums, bool pair>
inline void step(const std::byte* x, std::size_t stride, std::size_t second, const std::byte* w) {
  _tile_loadd(6, w, kGroupBytes);
  _tile_loadd(4, x, stride);
  _tile_loadd(7, w + kHalf, kGroupBytes);
  if constexpr (pair) _tile_loadd(5, x + second, stride);
  if constexpr (std::is_same_v<Sums, Int8Sums>) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    if constexpr (pair) {
      _tile_dpbusd(2, 5, 6);
      _tile_dpbusd(3, 5, 7);
    }
  } else {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if constexpr (pair) {
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
}

template <typename Sums, Epilogue kind>
class TileGemm {
 public:
  explicit TileGemm(const GemmArgs& args)
      : args_(args),
        weight_(*args.weight),
        groups_(weight_.in * narabi::kernels::bytes_of(weight_.operand) / 4),
        steps_(groups_ / kStepGroups),
        height_(args.rows < kTileHeight ? args.rows : kTileHeight) {}

  void run() {
    const Tiles tiles(height_);
    for (std::size_t block = 0; block < weight_.blocks(); ++block) multiply_rows(block);
    finish(finished_, pending_.rows);
  }

 private:
  void multiply_rows(std::size_t block) {
    const std::size_t end = args_.rows;
    std::size_t row = 0;
    for (; row + kPairHeight <= end; row += kPairHeight)
      multiply_tiles<true>(block, row, row, kTileHeight);
    // The last tiles end with the last row; what they have in common with those before is
    // computed twice and finished once.
    if (row == end) return;
    if (end - row <= kTileHeight) {
      multiply_tiles<false>(block, end - height_, row, 0);
    } else {
      multiply_tiles<true>(block, row, row, end - row - kTileHeight);
    }
  }

  // Sums in memory that the epilogue has still to take.
  struct Pending {
    std::size_t block = 0, row = 0, skip = 0;  // of row 0 of the sums; rows that are done already
    std::size_t rows = 0;                      // the sums' end
  };

  // The tiles of rows `row` on and, of a pair, `second` rows below; rows before `from` are done.
  template <bool pair>
  void multiply_tiles(std::size_t block, std::size_t row, std::size_t from, std::size_t second) {
    const std::byte* x = static_cast<const std::byte*>(args_.input) + row * args_.input_stride;
    const std::byte* w = weight_.data + block * groups_ * kGroupBytes;
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (pair) {
      _tile_zero(2);
      _tile_zero(3);
    }
    const std::size_t each = (pending_.rows - finished_ + steps_ - 1) / steps_;
    for (std::size_t s = 0; s < steps_; ++s) {
      step<Sums, pair>(x + s * kTileBytes, args_.input_stride, second * args_.input_stride,
                       w + s * kStepGroups * kGroupBytes);
      const std::size_t until = finished_ + each;
      finish(finished_, until < pending_.rows ? until : pending_.rows);
    }
    current_ ^= 1;
    auto* sums = sums_[current_];
    _tile_stored(0, sums, kRowSums * 4);
    _tile_stored(1, sums + 16, kRowSums * 4);
    if constexpr (pair) {
      _tile_stored(2, sums + second * kRowSums, kRowSums * 4);
      _tile_stored(3, sums + second * kRowSums + 16, kRowSums * 4);
    }
    pending_ = {block, row, from - row, pair ? second + kTileHeight : height_};
    finished_ = pending_.skip;
  }

  // Rows `begin` to `end` of what is pending.
  void finish(std::size_t begin, std::size_t end) {
    if (begin == end) return;
    const std::size_t column = pending_.block * narabi::kernels::kBlockColumns;
    const Vec bias0 = load(weight_.bias + column), bias1 = load(weight_.bias + column + 16);
    if constexpr (std::is_same_v<Sums, Int8Sums>) {
      const Vec scale0 = load(weight_.scale + column), scale1 = load(weight_.scale + column + 16);
      const Vec sum0 = load(weight_.compensation + column),
                sum1 = load(weight_.compensation + column + 16);
      for (std::size_t r = begin; r < end; ++r) {
        const Vec scale = broadcast(args_.row_scale[pending_.row + r]),
                  shift = broadcast(args_.row_shift[pending_.row + r]);
        const Vec a = mul(value(r, 0), scale), b = mul(value(r, 16), scale);
        Finish<Sums, kind>::row(args_, pending_.row + r, pending_.block, 0,
                                fma(a, scale0, fma(shift, sum0, bias0)),
                                fma(b, scale1, fma(shift, sum1, bias1)));
      }
    } else {
      for (std::size_t r = begin; r < end; ++r) {
        Finish<Sums, kind>::row(args_, pending_.row + r, pending_.block, 0, add(value(r, 0), bias0),
                                add(value(r, 16), bias1));
      }
    }
    finished_ = end;
  }

  Vec value(std::size_t r, std::size_t lane) const {
    const float* sums = sums_[current_] + r * kRowSums + lane;
    if constexpr (std::is_same_v<Sums, Int8Sums>)
      return _mm512_cvtepi32_ps(_mm512_loadu_si512(sums));
    else
      return load(sums);
  }

  const GemmArgs& args_;
  const PackedWeight& weight_;
  std::size_t groups_, steps_, height_;
  Pending pending_;
  std::size_t finished_ = 0, current_ = 0;
  alignas(64) float sums_[2][kPairHeight * kRowSums];  // int8: of integers
};

template <typename Sums>
void run_tiles(const GemmArgs& args) {
  switch (args.epilogue) {
    case Epilogue::kStore:
      return TileGemm<Sums, Epilogue::kStore>(args).run();
    case Epilogue::kAdd:
      return TileGemm<Sums, Epilogue::kAdd>(args).run();
    case Epilogue::kGelu:
      return TileGemm<Sums, Epilogue::kGelu>(args).run();
    case Epilogue::kGeglu:
      return TileGemm<Sums, Epilogue::kGeglu>(args).run();
    case Epilogue::kRotate:
      return TileGemm<Sums, Epilogue::kRotate>(args).run();
  }
}

}  // namespace

namespace narabi::kernels {

void gemm_amx(const GemmArgs& args) {
  const PackedWeight& weight = *args.weight;
  const bool whole_steps = weight.in * bytes_of(weight.operand) % kTileBytes == 0;
  if (args.rows == 0) return;
  if (weight.operand == Operand::kBf16)
    run_tiles<Bf16Sums>(args);
  else if (weight.operand == Operand::kInt8 && whole_steps)
    run_tiles<Int8Sums>(args);
  else
    multiply(args);
}

}  // namespace narabi::kernels
