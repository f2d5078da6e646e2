// What a WanTransformer3DModel's config.json says, and what the network costs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// The members are config.json's keys, the values diffusers' class defaults for keys that are absent (Wan 2.1 14B).
struct WanTransformerConfig {
  std::array<int, 3> patch_size{1, 2, 2};  ///< time, height, width, in latents; time is always 1
  std::int64_t num_attention_heads = 40;
  std::int64_t attention_head_dim = 128;
  std::int64_t in_channels = 16;  ///< for image to video: of noisy latents, mask and given frames together
  std::int64_t out_channels = 16;
  std::int64_t text_dim = 4096;
  std::int64_t freq_dim = 256;  ///< of the sinusoidal timestep embedding
  std::int64_t ffn_dim = 13824;
  std::int64_t num_layers = 40;
  bool cross_attn_norm = true;
  double eps = 1e-6;
  std::optional<std::int64_t> image_dim = {};  ///< of an image encoder's states, where blocks attend to those too
  std::optional<std::int64_t> pos_embed_seq_len = {};  ///< rows of two images' states, where they have positions
  int rope_max_seq_len = 1024;                         ///< positions per axis of the rotary tables, in patches

  std::int64_t width() const { return num_attention_heads * attention_head_dim; }
  std::int64_t patch_values() const { return std::int64_t{patch_size[0]} * patch_size[1] * patch_size[2]; }
};

/// Error{input} for what is malformed or absurd.
WanTransformerConfig read_wan_transformer_config(JsonObject json);

/// For classes that have more keys than this one: reads this one's, with `defaults` where they are absent.
WanTransformerConfig read_wan_transformer_keys(JsonObject& json, const WanTransformerConfig& defaults);

/// One item is one latent token. Of the text 512 rows are counted, of an image 257.
NetworkCost wan_transformer_cost(const WanTransformerConfig& config);

/// Of one block alone, without its activations.
NetworkCost wan_block_cost(const WanTransformerConfig& config);

/// Of a linear layer with a bias.
constexpr std::int64_t linear_parameters(std::int64_t in, std::int64_t out) { return in * out + out; }

}  // namespace sora
