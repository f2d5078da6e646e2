// Wan 2.1, Wan 2.2 A14B and Wan 2.2 TI2V checkpoints (diffusers' WanPipeline), as text to video.
#include <optional>

#include "architecture/flow_match_euler.h"
#include "architecture/t5.h"
#include "architecture/unipc.h"
#include "architecture/wan_transformer.h"
#include "architecture/wan_vae.h"
#include "families/defaults.h"
#include "families/families.h"
#include "families/registry.h"

namespace sora {
namespace {

// The scalars of model_index.json.
struct Settings {
  std::optional<double> boundary_ratio;
  bool expand_timesteps = false;  // one timestep per token: equal for all of them where there are no given frames
};

Settings read_settings(JsonObject json) {
  Settings settings;
  settings.boundary_ratio = json.read_optional<double>("boundary_ratio");
  settings.expand_timesteps = json.read_or("expand_timesteps", false);
  if (settings.boundary_ratio && (*settings.boundary_ratio <= 0 || *settings.boundary_ratio >= 1)) {
    json.fail_at("boundary_ratio",
                 fmt::format("expected a number between 0 and 1, found {}", *settings.boundary_ratio));
  }
  json.finish();
  return settings;
}

int train_timesteps(const Checkpoint& checkpoint) {
  JsonObject json = checkpoint.config("scheduler");
  switch (scheduler_class(checkpoint)) {
    case SchedulerClass::unipc:
      return read_unipc_config(std::move(json)).num_train_timesteps;
    case SchedulerClass::flow_match_euler:
      return read_flow_match_euler_config(std::move(json)).num_train_timesteps;
  }
  fail(Fault::bug, "a scheduler class without a reader");
}

void require_same_shape(const Checkpoint& checkpoint, const WanTransformerConfig& first,
                        const WanTransformerConfig& second) {
  require(first.in_channels == second.in_channels && first.out_channels == second.out_channels &&
              first.patch_size == second.patch_size && first.text_dim == second.text_dim,
          Fault::input,
          "{}: transformer and transformer_2 differ in in_channels, out_channels, patch_size or text_dim; the "
          "experts of one model do not",
          checkpoint.folder().string());
}

void require_fit(const Checkpoint& checkpoint, const T5Config& text, const WanTransformerConfig& denoiser,
                 const WanVaeConfig& vae) {
  const std::string folder = checkpoint.folder().string();
  require(denoiser.in_channels == vae.z_dim && denoiser.out_channels == vae.z_dim, Fault::input,
          "{}: the transformer has in_channels {} and out_channels {}, the VAE z_dim {}; for text to video all three "
          "are equal",
          folder, denoiser.in_channels, denoiser.out_channels, vae.z_dim);
  require(denoiser.text_dim == text.d_model, Fault::input,
          "{}: the transformer has text_dim {}, the text encoder d_model {}; "
          "they must be equal",
          folder, denoiser.text_dim, text.d_model);
}

std::string variant_name(const Checkpoint& checkpoint, const Settings& settings, int experts) {
  const std::string name = checkpoint.folder().filename().string();
  if (name == "tiny-world") return "tiny-world (Wan 2.2 TI2V layout)";
  if (experts == 2) return "Wan 2.2, two experts";
  return settings.expand_timesteps ? "Wan 2.2 TI2V" : "Wan";
}

}  // namespace

Traits wan_traits(const Checkpoint& checkpoint) {
  const Settings settings = read_settings(checkpoint.settings());
  const int experts = checkpoint.component_class("transformer_2").empty() ? 1 : 2;
  require((experts == 2) == settings.boundary_ratio.has_value(), Fault::input,
          "{}: boundary_ratio is {} and transformer_2 is {}; two experts need both, one expert neither",
          (checkpoint.folder() / "model_index.json").string(), settings.boundary_ratio ? "set" : "null",
          experts == 2 ? "there" : "absent");
  require_known_tokenizer(checkpoint);
  text_encoder_class(checkpoint);
  denoiser_class(checkpoint, "transformer");
  vae_class(checkpoint);

  const T5Config text = read_t5_config(checkpoint.config("text_encoder"));
  const WanTransformerConfig denoiser = read_wan_transformer_config(checkpoint.config("transformer"));
  const WanVaeConfig vae = read_wan_vae_config(checkpoint.config("vae"));
  require_fit(checkpoint, text, denoiser, vae);
  if (experts == 2) {
    denoiser_class(checkpoint, "transformer_2");
    require_same_shape(checkpoint, denoiser, read_wan_transformer_config(checkpoint.config("transformer_2")));
  }

  Traits traits;
  traits.family = variant_name(checkpoint, settings, experts);
  traits.compression = {static_cast<int>(vae.scale_factor_temporal), static_cast<int>(vae.scale_factor_spatial)};
  traits.patch = denoiser.patch_size;
  traits.latent_channels = static_cast<int>(vae.z_dim);
  traits.max_latent_frames = denoiser.rope_max_seq_len * denoiser.patch_size[0];
  traits.max_latent_side = denoiser.rope_max_seq_len * denoiser.patch_size[1];
  traits.train_timesteps = train_timesteps(checkpoint);
  traits.boundary_ratio = settings.boundary_ratio;
  traits.text_encoder = t5_cost(text);
  traits.denoiser = wan_transformer_cost(denoiser);
  traits.vae_decoder = wan_vae_decoder_cost(vae);
  traits.defaults =
      read_defaults({checkpoint.pipeline(), experts, static_cast<int>(denoiser.num_layers),
                     static_cast<int>(denoiser.num_attention_heads), static_cast<int>(denoiser.in_channels)});
  return traits;
}

}  // namespace sora
