// Sampling loops: from noise to clean latents. A family names the loop that it uses.
#pragma once

#include "render/rng.h"
#include "sora/model.h"
#include "sora/plan.h"
#include "sora/progress.h"

namespace sora {

struct SampleArgs {
  const Plan& plan;
  const Window& window;
  const Context& positive;
  const Context& negative;  ///< not read where guidance is off
  Model& model;
  at::Device device;
  Rng& rng;
  Progress& progress;
};

/// The plain flow-matching loop: all latent frames at the same timestep. Returns latents of window.shape.
/// Throws Error{input} as soon as latents are not finite, Error{interrupted} after a signal.
Tensor sample_flow(const SampleArgs& args);

}  // namespace sora
