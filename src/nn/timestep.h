// The sinusoidal embedding of timesteps (diffusers' Timesteps with flip_sin_to_cos and no frequency shift).
#pragma once

#include <cstdint>

#include "sora/tensor.h"

namespace sora {

/// fp32 timesteps [n] -> [n, size]: `size` / 2 cosines, then as many sines. In fp32, as the reference.
Tensor timestep_embedding(const Tensor& timesteps, std::int64_t size);

}  // namespace sora
