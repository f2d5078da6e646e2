// What is known of a video before it is sampled: the user's pixels as latents, masks and further input channels.
#pragma once

#include "sora/model.h"
#include "sora/plan.h"
#include "sora/render.h"

namespace sora {

/// On the host, over all latent frames that are rendered. Undefined tensors: nothing of that kind is given.
struct Conditions {
  Tensor clean;        ///< [1, C, T, H, W]: latents where `known`, or of the whole video with GivenUse::noised
  Tensor known;        ///< bool [T]: latent frames that stand clean in the window, at timestep 0
  Tensor channels;     ///< [1, C', T, H, W]: go into the denoiser behind the latents
  Tensor control;      ///< [1, C', references + T, H, W]: Context::control; always of the whole video
  Tensor stays;        ///< bool [1, 1, T, H, W]: latents that come back at each step, from `clean`
  Tensor after;        ///< [1, C, 1, H, W]: a clean frame right after the last window, not shown
  int references = 0;  ///< latent frames of reference images: rendered in front of the video, and not shown
};

/// Frames at the start of a bool [T] (Conditions::known) that are known; none of an undefined one.
int leading_known(const Tensor& known);

/// Encodes what plan.given, plan.mask and plan.reference_images name.
Conditions make_conditions(const Plan& plan, const Vae& vae, PixelReader& read, at::Device device);

}  // namespace sora
