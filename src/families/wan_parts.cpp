#include "families/wan_parts.h"

#include <utility>

#include "architecture/clip_vision.h"
#include "architecture/flow_match_euler.h"
#include "architecture/t5.h"
#include "architecture/unipc.h"
#include "families/defaults.h"
#include "families/registry.h"

namespace sora {
namespace {

WanSettings read_settings(JsonObject json) {
  WanSettings settings;
  settings.boundary_ratio = json.read_optional<double>("boundary_ratio");
  settings.expand_timesteps = json.read_or("expand_timesteps", false);
  if (settings.boundary_ratio && (*settings.boundary_ratio <= 0 || *settings.boundary_ratio >= 1)) {
    json.fail_at("boundary_ratio",
                 fmt::format("expected a number between 0 and 1, found {}", *settings.boundary_ratio));
  }
  json.finish();
  return settings;
}

int count_experts(const Checkpoint& checkpoint, const WanSettings& settings) {
  const int experts = checkpoint.component_class("transformer_2").empty() ? 1 : 2;
  require((experts == 2) == settings.boundary_ratio.has_value(), Fault::input,
          "{}: boundary_ratio is {} and transformer_2 is {}; two experts need both, one expert neither",
          (checkpoint.folder() / "model_index.json").string(), settings.boundary_ratio ? "set" : "null",
          experts == 2 ? "there" : "absent");
  return experts;
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
              first.patch_size == second.patch_size && first.text_dim == second.text_dim &&
              first.image_dim == second.image_dim,
          Fault::input,
          "{}: transformer and transformer_2 differ in in_channels, out_channels, patch_size, text_dim or image_dim; "
          "the experts of one model do not",
          checkpoint.folder().string());
}

void require_fit(const Checkpoint& checkpoint, const T5Config& text, const WanTransformerConfig& denoiser,
                 const WanVaeConfig& vae) {
  const std::string folder = checkpoint.folder().string();
  require(denoiser.out_channels == vae.z_dim, Fault::input,
          "{}: the transformer has out_channels {}, the VAE z_dim {}; they must be equal", folder,
          denoiser.out_channels, vae.z_dim);
  require(denoiser.text_dim == text.d_model, Fault::input,
          "{}: the transformer has text_dim {}, the text encoder d_model {}; "
          "they must be equal",
          folder, denoiser.text_dim, text.d_model);
}

}  // namespace

WanParts read_wan_parts(const Checkpoint& checkpoint, const ReadDenoiserFn& read) {
  WanParts parts;
  parts.settings = read_settings(checkpoint.settings());
  parts.experts = count_experts(checkpoint, parts.settings);
  require_known_tokenizer(checkpoint);
  text_encoder_class(checkpoint);
  vae_class(checkpoint);

  const T5Config text = read_t5_config(checkpoint.config("text_encoder"));
  parts.denoiser = read(checkpoint, "transformer");
  parts.vae = read_wan_vae_config(checkpoint.config("vae"));
  const WanTransformerConfig& denoiser = parts.denoiser;
  require_fit(checkpoint, text, denoiser, parts.vae);
  if (parts.experts == 2) require_same_shape(checkpoint, denoiser, read(checkpoint, "transformer_2"));

  Traits& traits = parts.traits;
  traits.compression = {static_cast<int>(parts.vae.scale_factor_temporal),
                        static_cast<int>(parts.vae.scale_factor_spatial)};
  traits.patch = denoiser.patch_size;
  traits.latent_channels = static_cast<int>(parts.vae.z_dim);
  traits.max_latent_frames = denoiser.rope_max_seq_len * denoiser.patch_size[0];
  traits.max_latent_side = denoiser.rope_max_seq_len * denoiser.patch_size[1];
  traits.train_timesteps = train_timesteps(checkpoint);
  traits.boundary_ratio = parts.settings.boundary_ratio;
  // The reference takes the last 512 rows of a context with images for the text, whatever was asked for.
  traits.fixed_text_length = denoiser.image_dim.has_value();
  traits.text_encoder = t5_cost(text);
  traits.vae_decoder = wan_vae_decoder_cost(parts.vae);
  traits.defaults = read_defaults(facts_of(checkpoint, parts.experts, denoiser));
  return parts;
}

void require_text_to_video(const Checkpoint& checkpoint, const WanParts& parts) {
  const WanTransformerConfig& denoiser = parts.denoiser;
  require(
      denoiser.in_channels == parts.vae.z_dim && !denoiser.image_dim, Fault::input,
      "{}: a {} has a transformer of latents alone, with in_channels {} (the VAE's z_dim) and without an image_dim; "
      "found in_channels {}{}",
      checkpoint.folder().string(), checkpoint.pipeline(), parts.vae.z_dim, denoiser.in_channels,
      denoiser.image_dim ? fmt::format(" and image_dim {}", *denoiser.image_dim) : "");
}

std::int64_t image_to_video_channels(const WanVaeConfig& vae) { return 2 * vae.z_dim + vae.scale_factor_temporal; }

void require_image_encoder(const Checkpoint& checkpoint, const WanTransformerConfig& denoiser) {
  const bool there = !checkpoint.component_class("image_encoder").empty();
  require(there == denoiser.image_dim.has_value(), Fault::input,
          "{}: \"image_encoder\" is {} and image_dim of the transformer is {}; a transformer that attends to images "
          "needs both, another neither",
          (checkpoint.folder() / "model_index.json").string(), there ? "there" : "absent",
          denoiser.image_dim ? std::to_string(*denoiser.image_dim) : "null");
  if (!there) return;
  image_encoder_class(checkpoint);
  require_known_image_processor(checkpoint);
  const ClipVisionConfig encoder = read_clip_vision_config(checkpoint.config("image_encoder"));
  read_clip_image_processor_config(
      JsonObject::from_file(checkpoint.file("image_processor", "preprocessor_config.json")), encoder);
  require(encoder.hidden_size == *denoiser.image_dim, Fault::input,
          "{}: the transformer has image_dim {}, the image encoder hidden_size {}; they must be equal",
          checkpoint.folder().string(), *denoiser.image_dim, encoder.hidden_size);
  const std::int64_t rows = 2 * (encoder.patches() + 1);
  require(!denoiser.pos_embed_seq_len || *denoiser.pos_embed_seq_len == rows, Fault::input,
          "{}: the transformer has pos_embed_seq_len {}; of two images the image encoder makes {} rows",
          checkpoint.folder().string(), denoiser.pos_embed_seq_len.value_or(0), rows);
}

}  // namespace sora
