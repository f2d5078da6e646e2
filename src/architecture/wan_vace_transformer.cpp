// WanVACETransformer3DModel's config.json and cost.
#include "architecture/wan_vace_transformer.h"

#include <algorithm>
#include <functional>

#include "architecture/read_size.h"
#include "base/text.h"

namespace sora {
namespace {

constexpr std::int64_t kMaxChannels = 4096;  // far above any real network

// The reference hands the hints out in ascending order whatever the list's, so another order would be another model.
std::vector<std::int64_t> read_layers(JsonObject& json, const std::vector<std::int64_t>& otherwise,
                                      std::int64_t num_layers) {
  const auto layers = json.read_or("vace_layers", otherwise);
  const bool ascend = std::adjacent_find(layers.begin(), layers.end(), std::greater_equal<>()) == layers.end();
  if (layers.empty() || layers.front() != 0 || layers.back() >= num_layers || !ascend) {
    json.fail_at("vace_layers",
                 fmt::format("expected ascending layers from 0 to {} at most (\"num_layers\" is {}), "
                             "found [{}]",
                             num_layers - 1, num_layers, printable(fmt::format("{}", fmt::join(layers, ", ")))));
  }
  return layers;
}

}  // namespace

WanVaceTransformerConfig read_wan_vace_transformer_config(JsonObject json) {
  WanVaceTransformerConfig config;
  config.transformer = read_wan_transformer_keys(json, config.transformer);
  config.vace_layers = read_layers(json, config.vace_layers, config.transformer.num_layers);
  config.vace_in_channels = read_size(json, "vace_in_channels", config.vace_in_channels, kMaxChannels);
  json.finish();
  return config;
}

NetworkCost wan_vace_transformer_cost(const WanVaceTransformerConfig& config) {
  const std::int64_t width = config.transformer.width();
  const auto blocks = static_cast<std::int64_t>(config.vace_layers.size());
  const NetworkCost block = wan_block_cost(config.transformer);
  NetworkCost cost = wan_transformer_cost(config.transformer);
  cost.parameters += linear_parameters(config.vace_in_channels * config.transformer.patch_values(), width) +
                     linear_parameters(width, width) + blocks * (block.parameters + linear_parameters(width, width));
  cost.block_parameters += blocks * block.block_parameters;
  cost.fetched_parameters += block.fetched_parameters;  // of either row of blocks, one
  cost.flop_per_item += static_cast<double>(blocks) * (block.flop_per_item + static_cast<double>(2 * width * width));
  cost.flop_per_pair += static_cast<double>(blocks) * block.flop_per_pair;
  // The control on its way through its blocks, and what each of two prompts keeps of it.
  cost.values_per_item += static_cast<double>(3 * width);
  return cost;
}

}  // namespace sora
