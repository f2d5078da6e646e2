// How AutoencoderKLWan cuts a picture into overlapping tiles, and blends what becomes of them. A picture that is not
// cut is one tile.
#pragma once

#include <cstdint>
#include <vector>

#include "sora/tensor.h"

namespace sora {

struct Extent {
  std::int64_t height = 0, width = 0;
};

struct TileGrid {
  Extent input;          ///< the whole input
  Extent tile, stride;   ///< in input cells
  Extent overlap, keep;  ///< in output cells: what is blended, and what a tile contributes
  Extent output;         ///< the whole output

  std::int64_t rows() const { return (input.height + stride.height - 1) / stride.height; }
  std::int64_t columns() const { return (input.width + stride.width - 1) / stride.width; }
  /// The part of x [T, H, W, C] that tile (row, column) covers; smaller at the right and at the bottom.
  Tensor cut(const Tensor& x, std::int64_t row, std::int64_t column) const;
  /// Joins tiles [T, h, w, C], row by row, to [T, H, W, C]. Overwrites them: as in the reference, a tile is blended
  /// with neighbours that have been blended themselves.
  Tensor join(std::vector<Tensor>& tiles) const;
};

}  // namespace sora
