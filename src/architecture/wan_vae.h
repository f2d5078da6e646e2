// What an AutoencoderKLWan's config.json says, and what its decoder costs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// The members are config.json's keys, the values diffusers' class defaults for keys that are absent (Wan 2.1).
/// Lists that grow along the encoder are read from the end for the decoder.
struct WanVaeConfig {
  std::int64_t base_dim = 96;
  std::int64_t decoder_base_dim = 96;  ///< base_dim if the key is null or absent
  std::int64_t z_dim = 16;
  std::vector<std::int64_t> dim_mult{1, 2, 4, 4};  ///< channels of each level, in base_dim
  std::int64_t num_res_blocks = 2;                 ///< of a level; the decoder has one more
  std::vector<bool> temperal_downsample{false, true, true};
  std::vector<double> latents_mean, latents_std;  ///< [z_dim]
  bool is_residual = false;                       ///< Wan 2.2: shortcuts around whole levels
  std::int64_t in_channels = 3, out_channels = 3;
  std::int64_t patch_size = 1;  ///< pixels along a side that become channels before the first convolution; 1 for null
  std::int64_t scale_factor_temporal = 4, scale_factor_spatial = 8;

  std::int64_t levels() const { return static_cast<std::int64_t>(dim_mult.size()); }
};

/// Error{input} for what is malformed, absurd, or does not fit together.
WanVaeConfig read_wan_vae_config(JsonObject json);

/// One level of the decoder: residual blocks, and then, but for the last level, an upsampling.
struct WanDecoderLevel {
  std::int64_t in = 0, out = 0;  ///< channels before and after the residual blocks
  bool up = false, up_time = false;
  std::int64_t up_out = 0;  ///< channels after the upsampling
};
/// From the coarsest level on. The encoder's levels are their mirror image but for the channels (see
/// wan_vae_encoder.cpp).
std::vector<WanDecoderLevel> wan_decoder_levels(const WanVaeConfig& config);

/// One item is one output pixel of one frame, for frames that come scale_factor_temporal (one latent frame) at a time.
NetworkCost wan_vae_decoder_cost(const WanVaeConfig& config);

}  // namespace sora
