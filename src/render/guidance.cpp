#include "render/guidance.h"

#include <ATen/ATen.h>

namespace sora {

GuidedDenoiser::GuidedDenoiser(Denoiser& denoiser, const Guidance& guidance, const Context& positive,
                               const Context& negative)
    : guidance_(guidance), conditional_(denoiser.bind(positive)) {
  if (guidance.on()) unconditional_ = denoiser.bind(negative);
}

Tensor GuidedDenoiser::predict(const Tensor& latents, const Tensor& timesteps, double timestep) const {
  const Tensor conditional = conditional_(latents, timesteps);
  if (!unconditional_) return conditional;
  const Tensor unconditional = unconditional_(latents, timesteps);
  return unconditional + guidance_.at(timestep) * (conditional - unconditional);
}

}  // namespace sora
