// SkyReels-V2 checkpoints: diffusers' SkyReelsV2Pipeline, SkyReelsV2ImageToVideoPipeline and the three
// SkyReelsV2DiffusionForcing…Pipelines, which are three ways to call the same weights.
#include "architecture/skyreels_v2_transformer.h"
#include "families/abilities.h"
#include "families/families.h"
#include "families/registry.h"
#include "families/wan_parts.h"

namespace sora {
namespace {

// Timesteps, and so hundredths of the noise, that the reference recommends for the frames that a window knows.
constexpr double kAddnoise = 20;

SkyReelsV2TransformerConfig read_skyreels(const Checkpoint& checkpoint, std::string_view component) {
  require_denoiser(checkpoint, component, DenoiserClass::skyreels_v2);
  return read_skyreels_v2_transformer_config(checkpoint.config(component));
}

WanParts read_parts(const Checkpoint& checkpoint) {
  return read_wan_parts(checkpoint, [](const Checkpoint& from, std::string_view component) {
    return read_skyreels(from, component).transformer;
  });
}

}  // namespace

Traits skyreels_v2_traits(const Checkpoint& checkpoint) {
  WanParts parts = read_parts(checkpoint);
  require_text_to_video(checkpoint, parts);
  Traits traits = std::move(parts.traits);
  traits.family = "SkyReels-V2 T2V";
  traits.denoiser = skyreels_v2_transformer_cost(read_skyreels(checkpoint, "transformer"));
  grant(kSkyReelsTextToVideo, traits);
  return traits;
}

Traits skyreels_v2_image_traits(const Checkpoint& checkpoint) {
  WanParts parts = read_parts(checkpoint);
  require(parts.denoiser.in_channels == image_to_video_channels(parts.vae), Fault::input,
          "{}: a {} has a transformer with in_channels {} (latents, mask and given frames), found {}",
          checkpoint.folder().string(), checkpoint.pipeline(), image_to_video_channels(parts.vae),
          parts.denoiser.in_channels);
  require_image_encoder(checkpoint, parts.denoiser);
  Traits traits = std::move(parts.traits);
  traits.family = "SkyReels-V2 I2V";
  traits.denoiser = skyreels_v2_transformer_cost(read_skyreels(checkpoint, "transformer"));
  grant(kSkyReelsImageToVideo, traits);
  return traits;
}

Traits skyreels_v2_forcing_traits(const Checkpoint& checkpoint) {
  WanParts parts = read_parts(checkpoint);
  require_text_to_video(checkpoint, parts);
  const SkyReelsV2TransformerConfig config = read_skyreels(checkpoint, "transformer");
  Traits traits = std::move(parts.traits);
  traits.family = "SkyReels-V2 DF";
  traits.denoiser = skyreels_v2_transformer_cost(config);
  traits.forcing = {.block = static_cast<int>(config.num_frame_per_block), .ar_step = 0, .addnoise = kAddnoise};
  grant(kSkyReelsForcing, traits);
  return traits;
}

}  // namespace sora
