// SkyReels-V2 checkpoints: diffusers' SkyReelsV2Pipeline, SkyReelsV2ImageToVideoPipeline and the three
// SkyReelsV2DiffusionForcing…Pipelines, which are three ways to call the same weights.
#include "architecture/skyreels_v2_transformer.h"
#include "families/abilities.h"
#include "families/families.h"
#include "families/wan_parts.h"

namespace sora {
namespace {

// Timesteps, and so hundredths of the noise, that the reference recommends for the frames that a window knows.
constexpr double kAddnoise = 20;

auto read(const Checkpoint& checkpoint) {
  return read_wan_parts(checkpoint, DenoiserClass::skyreels_v2, read_skyreels_v2_transformer_config);
}

Traits traits_of(const WanParts& parts, const SkyReelsV2TransformerConfig& config, const std::string& family,
                 const Abilities& abilities) {
  Traits traits = parts.traits;
  traits.family = family;
  traits.denoiser = skyreels_v2_transformer_cost(config);
  grant(abilities, traits);
  return traits;
}

}  // namespace

Traits skyreels_v2_traits(const Checkpoint& checkpoint) {
  const auto [parts, config] = read(checkpoint);
  require_text_to_video(checkpoint, parts);
  return traits_of(parts, config, "SkyReels-V2 T2V", kSkyReelsTextToVideo);
}

Traits skyreels_v2_image_traits(const Checkpoint& checkpoint) {
  const auto [parts, config] = read(checkpoint);
  const std::int64_t found = parts.denoiser.in_channels, expected = image_to_video_channels(parts.vae);
  require(found == expected, Fault::input,
          "{}: a {} has a transformer with in_channels {} (latents, mask and given frames), found {}",
          checkpoint.folder().string(), checkpoint.pipeline(), expected, found);
  require_image_encoder(checkpoint, parts.denoiser);
  Traits traits = traits_of(parts, config, "SkyReels-V2 I2V", kSkyReelsImageToVideo);
  // Positions are of two images' states. No such checkpoint is published, so no refusal names it.
  if (parts.denoiser.pos_embed_seq_len) traits.given = GivenSupport::first_and_last_frame;
  return traits;
}

Traits skyreels_v2_forcing_traits(const Checkpoint& checkpoint) {
  const auto [parts, config] = read(checkpoint);
  require_text_to_video(checkpoint, parts);
  Traits traits = traits_of(parts, config, "SkyReels-V2 DF", kSkyReelsForcing);
  traits.forcing = {.block = static_cast<int>(config.num_frame_per_block), .ar_step = 0, .addnoise = kAddnoise};
  return traits;
}

}  // namespace sora
