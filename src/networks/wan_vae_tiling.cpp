// Cutting and blending of tiles (tiled_decode and tiled_encode of AutoencoderKLWan).
#include "networks/wan_vae_tiling.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace sora {
namespace {

constexpr std::int64_t kHeightAxis = 1, kWidthAxis = 2;

// The first cells of `tile` along `axis` fade in over the last ones of the tile before it.
void blend(const Tensor& before, Tensor& tile, std::int64_t axis, std::int64_t overlap) {
  const std::int64_t count = std::min({before.size(axis), tile.size(axis), overlap});
  if (count == 0) return;
  std::vector<std::int64_t> shape(4, 1);
  shape[axis] = count;
  const Tensor weight = at::arange(count, at::kDouble).div_(static_cast<double>(count));
  const auto along_axis = [&](const Tensor& values) { return values.to(tile.options()).view(shape); };
  Tensor begin = tile.narrow(axis, 0, count);
  begin.mul_(along_axis(weight)).add_(before.narrow(axis, before.size(axis) - count, count) * along_axis(1 - weight));
}

}  // namespace

Tensor TileGrid::cut(const Tensor& x, std::int64_t row, std::int64_t column) const {
  const std::int64_t y = row * stride.height, left = column * stride.width;
  return x.narrow(kHeightAxis, y, std::min(tile.height, input.height - y))
      .narrow(kWidthAxis, left, std::min(tile.width, input.width - left));
}

Tensor TileGrid::join(std::vector<Tensor>& tiles) const {
  if (tiles.size() == 1) return tiles.front();
  std::vector<Tensor> whole_rows;
  for (std::int64_t row = 0; row < rows(); ++row) {
    std::vector<Tensor> kept;
    for (std::int64_t column = 0; column < columns(); ++column) {
      Tensor& current = tiles[row * columns() + column];
      if (row > 0) blend(tiles[(row - 1) * columns() + column], current, kHeightAxis, overlap.height);
      if (column > 0) blend(tiles[row * columns() + column - 1], current, kWidthAxis, overlap.width);
      kept.push_back(current.slice(kHeightAxis, 0, keep.height).slice(kWidthAxis, 0, keep.width));
    }
    whole_rows.push_back(at::cat(kept, kWidthAxis));
  }
  return at::cat(whole_rows, kHeightAxis).slice(kHeightAxis, 0, output.height).slice(kWidthAxis, 0, output.width);
}

}  // namespace sora
