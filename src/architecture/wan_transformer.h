// What a WanTransformer3DModel's config.json says, and what the network costs.
#pragma once

#include <array>
#include <cstdint>

#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// The members are config.json's keys, the values diffusers' class defaults for keys that are absent (Wan 2.1 14B).
struct WanTransformerConfig {
  std::array<int, 3> patch_size{1, 2, 2};  ///< time, height, width, in latents; time is always 1
  std::int64_t num_attention_heads = 40;
  std::int64_t attention_head_dim = 128;
  std::int64_t in_channels = 16;
  std::int64_t out_channels = 16;
  std::int64_t text_dim = 4096;
  std::int64_t freq_dim = 256;  ///< of the sinusoidal timestep embedding
  std::int64_t ffn_dim = 13824;
  std::int64_t num_layers = 40;
  bool cross_attn_norm = true;
  double eps = 1e-6;
  int rope_max_seq_len = 1024;  ///< positions per axis of the rotary tables, in patches

  std::int64_t width() const { return num_attention_heads * attention_head_dim; }
  std::int64_t patch_values() const { return std::int64_t{patch_size[0]} * patch_size[1] * patch_size[2]; }
};

/// Error{input} for what is malformed, absurd, or another task's transformer (image-to-video).
WanTransformerConfig read_wan_transformer_config(JsonObject json);

/// One item is one latent token; of the text, 512 rows are counted.
NetworkCost wan_transformer_cost(const WanTransformerConfig& config);

}  // namespace sora
