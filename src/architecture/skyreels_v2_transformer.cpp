// SkyReelsV2Transformer3DModel's config.json and cost.
#include "architecture/skyreels_v2_transformer.h"

#include "architecture/read_size.h"

namespace sora {

SkyReelsV2TransformerConfig read_skyreels_v2_transformer_config(JsonObject json) {
  SkyReelsV2TransformerConfig config;
  config.transformer = read_wan_transformer_keys(json, config.transformer);
  config.inject_sample_info = json.read_or("inject_sample_info", config.inject_sample_info);
  config.num_frame_per_block =
      read_size(json, "num_frame_per_block", config.num_frame_per_block, config.transformer.rope_max_seq_len);
  json.finish();
  return config;
}

NetworkCost skyreels_v2_transformer_cost(const SkyReelsV2TransformerConfig& config) {
  const std::int64_t width = config.transformer.width();
  NetworkCost cost = wan_transformer_cost(config.transformer);
  if (config.inject_sample_info) {
    cost.parameters += 2 * width + linear_parameters(width, width) + linear_parameters(width, 6 * width);
  }
  return cost;
}

}  // namespace sora
