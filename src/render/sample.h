// Sampling loops: from noise to clean latents.
#pragma once

#include <span>
#include <vector>

#include "render/conditions.h"
#include "render/rng.h"
#include "sora/model.h"
#include "sora/plan.h"
#include "sora/progress.h"
#include "sora/render.h"

namespace sora {

/// How far the sampling of the whole video is.
struct StepCount {
  int done = 0, total = 0;
};

struct SampleArgs {
  const Plan& plan;
  std::span<const Window> windows;  ///< in order of time, without gaps; several are denoised together
  const Conditions& conditions;     ///< of the windows' frames
  const Contexts& contexts;
  Model& model;
  at::Device device;
  Rng& rng;
  Rng& condition_rng;  ///< for noise on known frames
  StepCount& steps;
  Progress& progress;
};

/// Flow matching: all frames at the same timestep, but for those that are known, which stand there clean. Several
/// windows are denoised in step, and where they overlap their predictions are blended.
/// Returns the latents [1, C, T, H, W] from the first window's start to the last one's end, on the device.
/// Throws Error{input} as soon as latents are not finite, Error{interrupted} after a signal.
Tensor sample_flow(const SampleArgs& args);

/// Diffusion forcing (SkyReels-V2): one window, in which each latent frame has a timestep and a scheduler of its own.
Tensor sample_forcing(const SampleArgs& args);
/// `known`: the window's leading latent frames that are not sampled.
int forcing_steps(const Plan& plan, const Window& window, int known, const Scheduler& scheduler);

/// What both loops do after a step: latents that are not finite are an error, and the progress advances.
void finish_step(const SampleArgs& args, const Tensor& latents, double timestep);

}  // namespace sora
