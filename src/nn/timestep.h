// The sinusoidal embedding of timesteps (diffusers' Timesteps with flip_sin_to_cos and no frequency shift, and its
// get_1d_sincos_pos_embed_from_grid).
#pragma once

#include <cstdint>

#include "sora/tensor.h"

namespace sora {

/// fp32 timesteps [n] -> [n, size]: `size` / 2 cosines, then as many sines. In fp32, as the reference.
Tensor timestep_embedding(const Tensor& timesteps, std::int64_t size);
/// The same computed in fp64 and rounded to fp32 at the end.
Tensor timestep_embedding_fp64(const Tensor& timesteps, std::int64_t size);

}  // namespace sora
