#include "kernels/tile_product.h"
#include "train/attention_products.h"

namespace narabi::train {

void multiply_tiles(std::int64_t rows, Left a, const Pair* b, std::int64_t width,
                    std::int64_t pairs, float* c) {
  const auto columns = static_cast<std::size_t>(width), all = static_cast<std::size_t>(rows);
  const std::size_t height = all < kTileHeight ? all : kTileHeight;
  const Tiles tiles(height);
  TileProduct product;
  product.right = reinterpret_cast<const std::int32_t*>(b);
  product.left_stride = static_cast<std::size_t>(a.row) * sizeof(Pair);
  product.left_step = kTileStep / 2 * sizeof(Pair);
  product.right_stride = columns * sizeof(Pair);
  product.right_step = kTileStep / 2 * columns;
  product.steps = static_cast<std::size_t>(pairs) / (kTileStep / 2);
  // The last rows end with the last one: some come out twice, the same.
  for (std::size_t i = 0; i < all; i += height) {
    const std::size_t row = i < all - height ? i : all - height;
    product.left = a.at + static_cast<std::int64_t>(row) * a.row;
    product.into(c + row * columns, columns * sizeof(float), columns);
  }
  tiles_see_memory();
}

}  // namespace narabi::train
