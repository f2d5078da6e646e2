// Wan 2.1 VACE checkpoints: diffusers' WanVACEPipeline.
#include "architecture/wan_vace_transformer.h"
#include "families/abilities.h"
#include "families/families.h"
#include "families/registry.h"
#include "families/wan_parts.h"

namespace sora {
namespace {

WanVaceTransformerConfig read_vace(const Checkpoint& checkpoint, std::string_view component) {
  require_denoiser(checkpoint, component, DenoiserClass::wan_vace);
  return read_wan_vace_transformer_config(checkpoint.config(component));
}

}  // namespace

Traits wan_vace_traits(const Checkpoint& checkpoint) {
  WanParts parts = read_wan_parts(checkpoint, [](const Checkpoint& from, std::string_view component) {
    return read_vace(from, component).transformer;
  });
  require_text_to_video(checkpoint, parts);
  const WanVaceTransformerConfig config = read_vace(checkpoint, "transformer");
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
