// What all checkpoints of Wan's layout have in common: UMT5 or T5, one or two denoisers, Wan's VAE, a flow-matching
// scheduler.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "architecture/wan_transformer.h"
#include "architecture/wan_vae.h"
#include "families/registry.h"
#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// The scalars of model_index.json.
struct WanSettings {
  std::optional<double> boundary_ratio;
  bool expand_timesteps = false;  ///< one timestep per token: equal for all of them where there are no given frames
};

struct WanParts {
  WanSettings settings;
  int experts = 1;
  WanTransformerConfig denoiser;  ///< of the first expert
  WanVaeConfig vae;
  Traits traits;  ///< all but family, denoiser (cost), what is granted, and what the denoiser's class adds
};

/// `read` checks the class of a denoiser and reads what its config shares with Wan's.
using ReadDenoiserFn = std::function<WanTransformerConfig(const Checkpoint&, std::string_view component)>;

/// Reads and checks all configs: that the components are known and fit each other. Throws Error{input}.
WanParts read_wan_parts(const Checkpoint& checkpoint, const ReadDenoiserFn& read);

/// The same for a class of denoisers that has more keys than Wan's own; with all that the first expert's config says.
template <class Config>
std::pair<WanParts, Config> read_wan_parts(const Checkpoint& checkpoint, DenoiserClass denoiser_class,
                                           Config (*read)(JsonObject)) {
  std::optional<Config> first;
  WanParts parts = read_wan_parts(checkpoint, [&](const Checkpoint& from, std::string_view component) {
    require_denoiser(from, component, denoiser_class);
    const Config config = read(from.config(component));
    if (!first) first = config;
    return config.transformer;
  });
  return {std::move(parts), *first};
}

/// Error{input} unless in_channels of the denoiser is the VAE's z_dim.
void require_text_to_video(const Checkpoint& checkpoint, const WanParts& parts);

/// Of image to video: noisy latents, a mask for each pixel frame of a latent frame, and the given frames' latents.
std::int64_t image_to_video_channels(const WanVaeConfig& vae);

/// Error{input} unless there is an image encoder where the denoiser attends to images, and none where it does not.
void require_image_encoder(const Checkpoint& checkpoint, const WanTransformerConfig& denoiser);

}  // namespace sora
