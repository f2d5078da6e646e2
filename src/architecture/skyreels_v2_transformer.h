// What a SkyReelsV2Transformer3DModel's config.json says, and what the network costs.
#pragma once

#include "architecture/wan_transformer.h"

namespace sora {

/// WanTransformer3DModel with other defaults, which may know the frame rate and attend to frames block by block.
struct SkyReelsV2TransformerConfig {
  WanTransformerConfig transformer{.num_attention_heads = 16, .ffn_dim = 8192, .num_layers = 32};
  bool inject_sample_info = false;       ///< an embedding of the frame rate is added to the timestep's
  std::int64_t num_frame_per_block = 1;  ///< above 1, frames attend to their block of so many and to those before
};

/// Error{input} for what is malformed or absurd.
SkyReelsV2TransformerConfig read_skyreels_v2_transformer_config(JsonObject json);

/// As wan_transformer_cost; attention to blocks of frames costs less than the full attention that is counted.
NetworkCost skyreels_v2_transformer_cost(const SkyReelsV2TransformerConfig& config);

}  // namespace sora
