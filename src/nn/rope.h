// Three-dimensional rotary position embedding (Wan: WanRotaryPosEmbed and WanAttnProcessor's apply_rotary_emb).
#pragma once

#include <array>
#include <cstdint>

#include "nn/layers.h"

namespace sora {

/// fp32 [L, head_dim / 2] for L tokens in the order time, height, width: the angle of each pair of a head's values.
struct RotaryTables {
  Tensor cosines, sines;
};

/// A head's values are split among the axes: 2 * (head_dim / 6) for height and width each, the rest for time.
/// `grid`: tokens along time, height and width.
RotaryTables make_rotary_tables(std::int64_t head_dim, const std::array<std::int64_t, 3>& grid,
                                const at::Device& device);

/// RMS norm over all heads of x [1, L, heads · head_dim] and then the rotation, in place.
void norm_and_rotate(const Tensor& x, const RmsNorm& norm, const RotaryTables& tables);

}  // namespace sora
