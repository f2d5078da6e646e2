// What a WanVACETransformer3DModel's config.json says, and what the network costs.
#pragma once

#include <vector>

#include "architecture/wan_transformer.h"

namespace sora {

/// WanTransformer3DModel with a second row of blocks that read a control video.
struct WanVaceTransformerConfig {
  WanTransformerConfig transformer;
  /// The layers that get a hint, one of each control block; ascending, 0 among them.
  std::vector<std::int64_t> vace_layers{0, 5, 10, 15, 20, 25, 30, 35};
  std::int64_t vace_in_channels = 96;  ///< of the control: two videos' latents and a mask
};

/// Error{input} for what is malformed or absurd.
WanVaceTransformerConfig read_wan_vace_transformer_config(JsonObject json);

/// As wan_transformer_cost. What is made of the control once a video counts as memory only, for both prompts.
NetworkCost wan_vace_transformer_cost(const WanVaceTransformerConfig& config);

}  // namespace sora
