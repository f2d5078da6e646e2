// The sinusoidal embedding of timesteps.
#include "nn/timestep.h"

#include <ATen/ATen.h>

#include <cmath>

namespace sora {

Tensor timestep_embedding(const Tensor& timesteps, std::int64_t size) {
  const std::int64_t half = size / 2;
  const Tensor exponents = at::arange(half, timesteps.options()).mul_(-std::log(10000.0)).div_(half);
  const Tensor angles = timesteps.unsqueeze(1) * exponents.exp_();  // [n, size / 2]
  return at::cat({angles.cos(), angles.sin()}, 1);
}

Tensor timestep_embedding_fp64(const Tensor& timesteps, std::int64_t size) {
  const std::int64_t half = size / 2;
  const Tensor exponents = at::arange(half, timesteps.options().dtype(at::kDouble)).div_(half);
  const Tensor angles = timesteps.to(at::kDouble).unsqueeze(1) * at::pow(10000.0, exponents).reciprocal_();
  return at::cat({angles.cos(), angles.sin()}, 1).to(at::kFloat);  // [n, size]
}

}  // namespace sora
