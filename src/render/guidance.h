// Classifier-free guidance, written once for all families.
#pragma once

#include "sora/model.h"
#include "sora/plan.h"

namespace sora {

/// A denoiser bound to a prompt and, where guidance is on, to the negative prompt.
class GuidedDenoiser {
 public:
  GuidedDenoiser(Denoiser& denoiser, const Guidance& guidance, const Context& positive, const Context& negative);
  /// Velocity for latents [1, C, T, H, W] at timesteps [T]: u + scale * (c - u), with the scale of `timestep`, the
  /// noisiest frame's.
  Tensor predict(const Tensor& latents, const Tensor& timesteps, double timestep) const;

 private:
  Guidance guidance_;
  PredictFn conditional_;
  PredictFn unconditional_;  // empty where guidance is off
};

}  // namespace sora
