// From a checkpoint's component classes (families/registry.h) to loaded components.
#pragma once

#include <memory>

#include "sora/checkpoint.h"
#include "sora/model.h"
#include "sora/progress.h"

namespace sora {

/// Where and in which type components are loaded.
struct Target {
  at::Device device;
  at::ScalarType dtype;
};

std::unique_ptr<TextEncoder> load_text_encoder(const Checkpoint& checkpoint, const Target& target, Progress& progress);

/// In fp32 whatever the denoiser's type, as the reference recommends.
std::unique_ptr<ImageEncoder> load_image_encoder(const Checkpoint& checkpoint, at::Device device);

/// VAE and scheduler; the denoiser is still to come.
Model load_model(const Checkpoint& checkpoint, const Target& target);

/// As the plan places its blocks. With two experts, the first, and the other when it is its turn. The checkpoint and
/// `progress` must outlive it.
std::unique_ptr<Denoiser> load_denoiser(const Checkpoint& checkpoint, const Target& target, const Plan& plan,
                                        Progress& progress);

}  // namespace sora
