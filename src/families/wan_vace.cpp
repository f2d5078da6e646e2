// Wan 2.1 VACE checkpoints: diffusers' WanVACEPipeline.
#include "architecture/wan_vace_transformer.h"
#include "families/abilities.h"
#include "families/families.h"
#include "families/wan_parts.h"

namespace sora {
Traits wan_vace_traits(const Checkpoint& checkpoint) {
  auto [parts, config] = read_wan_parts(checkpoint, DenoiserClass::wan_vace, read_wan_vace_transformer_config);
  require_text_to_video(checkpoint, parts);
  // Latents of what stays and of what is to change, and each pixel of a latent's mask as a channel.
  const std::int64_t control = 2 * parts.vae.z_dim + parts.vae.scale_factor_spatial * parts.vae.scale_factor_spatial;
  require(config.vace_in_channels == control, Fault::input,
          "{}: vace_in_channels is {}; with this VAE a control has {} channels", checkpoint.folder().string(),
          config.vace_in_channels, control);
  Traits traits = std::move(parts.traits);
  traits.family = parts.experts == 2 ? "Wan VACE, two experts" : "Wan VACE";
  traits.denoiser = wan_vace_transformer_cost(config);
  traits.control_layers = static_cast<int>(config.vace_layers.size());
  grant(kWanVace, traits);
  return traits;
}

}  // namespace sora
