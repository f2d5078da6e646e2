// Wan 2.1, Wan 2.2 A14B and Wan 2.2 TI2V checkpoints: diffusers' WanPipeline, WanVideoToVideoPipeline and
// WanImageToVideoPipeline. The pipeline says little about what the weights can do: the transformer's inputs decide.
#include "families/abilities.h"
#include "families/defaults.h"
#include "families/families.h"
#include "families/registry.h"
#include "families/wan_parts.h"

namespace sora {
namespace {

WanTransformerConfig read_denoiser(const Checkpoint& checkpoint, std::string_view component) {
  require_denoiser(checkpoint, component, DenoiserClass::wan);
  return read_wan_transformer_config(checkpoint.config(component));
}

const Abilities& image_abilities(const WanParts& parts) {
  if (parts.denoiser.pos_embed_seq_len) return kWanFirstAndLast;
  // Without an image encoder nothing but channels says what is given, and those say it of the last frame as well.
  return parts.denoiser.image_dim ? kWanImageToVideo : kWanTwoExpertImage;
}

std::string image_name(const WanParts& parts) {
  if (parts.denoiser.pos_embed_seq_len) return "Wan FLF2V";
  return parts.experts == 2 ? "Wan 2.2 I2V, two experts" : "Wan I2V";
}

std::string text_name(const WanParts& parts) {
  if (parts.experts == 2) return "Wan 2.2, two experts";
  return parts.settings.expand_timesteps ? "Wan 2.2 TI2V" : "Wan";
}

bool is_image_to_video(const Checkpoint& checkpoint, const WanParts& parts) {
  return checkpoint.pipeline() == "WanImageToVideoPipeline" &&
         parts.denoiser.in_channels == image_to_video_channels(parts.vae);
}

}  // namespace

Traits wan_traits(const Checkpoint& checkpoint) {
  WanParts parts = read_wan_parts(checkpoint, read_denoiser);
  Traits traits = std::move(parts.traits);
  traits.denoiser = wan_transformer_cost(parts.denoiser);
  if (is_image_to_video(checkpoint, parts)) {
    require_image_encoder(checkpoint, parts.denoiser);
    traits.family = image_name(parts);
    grant(image_abilities(parts), traits);
    return traits;
  }
  require_text_to_video(checkpoint, parts);
  const bool clean_frames = parts.settings.expand_timesteps;
  require(clean_frames || checkpoint.pipeline() != "WanImageToVideoPipeline", Fault::input,
          "{}: a WanImageToVideoPipeline has a transformer with in_channels {} (latents, mask and given frames), or "
          "expand_timesteps; found in_channels {} and expand_timesteps false",
          checkpoint.folder().string(), image_to_video_channels(parts.vae), parts.denoiser.in_channels);
  traits.family = text_name(parts);
  traits.decodes_first_frame = checkpoint.pipeline() == "WanImageToVideoPipeline";
  grant(clean_frames ? kWanCleanFrames : kWanTextToVideo, traits);
  return traits;
}

}  // namespace sora
