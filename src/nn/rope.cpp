// Three-dimensional rotary position embedding: angles in fp64, tables in fp32, interleaved pairs.
#include "nn/rope.h"

#include <ATen/ATen.h>

#include "nn/rows.h"

namespace sora {
namespace {

// Angles of `positions` places along one axis: fp64 [positions, size / 2].
Tensor axis_angles(std::int64_t size, std::int64_t positions) {
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const Tensor exponents = at::arange(0, size, 2, options) / static_cast<double>(size);
  return at::outer(at::arange(positions, options), at::pow(10000.0, exponents).reciprocal());
}

// [1, L, pairs · 2] as pairs: [1, L, heads, pairs of a head, 2].
Tensor as_pairs(const Tensor& x, std::int64_t pairs) { return x.view({1, x.size(1), -1, pairs, 2}); }

}  // namespace

RotaryTables make_rotary_tables(std::int64_t head_dim, const std::array<std::int64_t, 3>& grid,
                                const at::Device& device) {
  const std::int64_t time = grid[0], height = grid[1], width = grid[2], side = 2 * (head_dim / 6);
  const auto spread = [&](const Tensor& angles) { return angles.expand({time, height, width, angles.size(-1)}); };
  const Tensor t = spread(axis_angles(head_dim - 2 * side, time).view({time, 1, 1, -1}));
  const Tensor h = spread(axis_angles(side, height).view({1, height, 1, -1}));
  const Tensor w = spread(axis_angles(side, width).view({1, 1, width, -1}));
  const Tensor angles = at::cat({t, h, w}, -1).view({-1, head_dim / 2});  // [L, head_dim / 2]
  return {angles.cos().to(device, at::kFloat), angles.sin().to(device, at::kFloat)};
}

void norm_and_rotate(const Tensor& x, const RmsNorm& norm, const RotaryTables& tables) {
  const std::int64_t pairs = tables.cosines.size(1);
  if (has_cpu_rows(x)) {
    rms_norm_rotate_rows({x.data_ptr<float>(), x.size(1), x.size(2), x.stride(1)}, norm.weight.const_data_ptr<float>(),
                         norm.eps, tables.cosines.const_data_ptr<float>(), tables.sines.const_data_ptr<float>(),
                         2 * pairs);
    return;
  }
  const Tensor normed = as_pairs(norm(x), pairs), out = as_pairs(x, pairs);
  const Tensor a = normed.select(-1, 0), b = normed.select(-1, 1);
  const Tensor cosines = tables.cosines.unsqueeze(1), sines = tables.sines.unsqueeze(1);  // [L, 1, pairs]
  out.select(-1, 0).copy_(a * cosines - b * sines);  // fp32 by promotion, rounded to x's dtype once
  out.select(-1, 1).copy_(a * sines + b * cosines);
}

}  // namespace sora
