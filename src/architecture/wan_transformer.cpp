// WanTransformer3DModel's config.json and cost.
#include "architecture/wan_transformer.h"

#include <algorithm>
#include <string_view>

namespace sora {
namespace {

// Far above any real network, low enough that products of them never overflow.
constexpr std::int64_t kMaxHeads = 1024, kMaxHeadDim = 1024, kMaxChannels = 4096, kMaxWidth = 1 << 16;
constexpr std::int64_t kMaxFfnDim = 1 << 20, kMaxLayers = 1024, kMaxPatchSide = 16, kMaxPositions = 1 << 16;
constexpr std::int64_t kTextRows = 512;

std::int64_t read_size(JsonObject& json, std::string_view key, std::int64_t otherwise, std::int64_t max) {
  const auto value = json.read_or<std::int64_t>(key, otherwise);
  if (value < 1 || value > max) json.fail_at(key, fmt::format("expected 1 to {}, found {}", max, value));
  return value;
}

std::int64_t read_even_size(JsonObject& json, std::string_view key, std::int64_t otherwise, std::int64_t max) {
  const std::int64_t value = read_size(json, key, otherwise, max);
  if (value % 2 != 0) json.fail_at(key, fmt::format("expected an even number, found {}", value));
  return value;
}

// As the reference's `out_channels or in_channels`.
std::int64_t read_out_channels(JsonObject& json, std::int64_t otherwise, std::int64_t in_channels) {
  if (!json.has("out_channels")) return otherwise;
  const auto value = json.read_optional<std::int64_t>("out_channels");
  if (!value || *value == 0) return in_channels;
  return read_size(json, "out_channels", otherwise, kMaxChannels);
}

std::array<int, 3> read_patch_size(JsonObject& json, const std::array<int, 3>& otherwise) {
  const auto sides = json.read_or<std::vector<int>>("patch_size", {otherwise.begin(), otherwise.end()});
  const auto fits = [](int side) { return side >= 1 && side <= kMaxPatchSide; };
  if (sides.size() != 3 || sides[0] != 1 || !std::all_of(sides.begin(), sides.end(), fits)) {
    json.fail_at("patch_size", fmt::format("expected [1, height, width] with sides of 1 to {}, found [{}]",
                                           kMaxPatchSide, fmt::join(sides, ", ")));
  }
  return {sides[0], sides[1], sides[2]};
}

void refuse_image_inputs(JsonObject& json) {
  for (const std::string_view key : {"image_dim", "added_kv_proj_dim", "pos_embed_seq_len"}) {
    if (const auto value = json.read_optional<std::int64_t>(key)) {
      json.fail_at(key, fmt::format("is {}: this is an image-to-video transformer; this version renders text-to-video "
                                    "checkpoints only",
                                    *value));
    }
  }
}

}  // namespace

WanTransformerConfig read_wan_transformer_config(JsonObject json) {
  WanTransformerConfig config;
  refuse_image_inputs(json);
  config.patch_size = read_patch_size(json, config.patch_size);
  config.num_attention_heads = read_size(json, "num_attention_heads", config.num_attention_heads, kMaxHeads);
  config.attention_head_dim = read_even_size(json, "attention_head_dim", config.attention_head_dim, kMaxHeadDim);
  config.in_channels = read_size(json, "in_channels", config.in_channels, kMaxChannels);
  config.out_channels = read_out_channels(json, config.out_channels, config.in_channels);
  if (config.in_channels != config.out_channels) {
    json.fail_at("in_channels",
                 fmt::format("is {} with {} \"out_channels\": this transformer takes more than the noisy "
                             "latents; this version renders text-to-video checkpoints only",
                             config.in_channels, config.out_channels));
  }
  config.text_dim = read_size(json, "text_dim", config.text_dim, kMaxWidth);
  config.freq_dim = read_even_size(json, "freq_dim", config.freq_dim, kMaxWidth);
  config.ffn_dim = read_size(json, "ffn_dim", config.ffn_dim, kMaxFfnDim);
  config.num_layers = read_size(json, "num_layers", config.num_layers, kMaxLayers);
  config.cross_attn_norm = json.read_or("cross_attn_norm", config.cross_attn_norm);
  json.expect("qk_norm", "rms_norm_across_heads");
  config.eps = json.read_or("eps", config.eps);
  if (!(config.eps > 0 && config.eps < 1)) {
    json.fail_at("eps", fmt::format("expected a number above 0 and below 1, found {}", config.eps));
  }
  config.rope_max_seq_len =
      static_cast<int>(read_size(json, "rope_max_seq_len", config.rope_max_seq_len, kMaxPositions));
  json.finish();
  return config;
}

NetworkCost wan_transformer_cost(const WanTransformerConfig& config) {
  const std::int64_t width = config.width(), ffn = config.ffn_dim, layers = config.num_layers;
  const std::int64_t patch_in = config.in_channels * config.patch_values();
  const std::int64_t patch_out = config.out_channels * config.patch_values();
  const auto linear = [](std::int64_t in, std::int64_t out) { return in * out + out; };

  const std::int64_t attention = 4 * linear(width, width) + 2 * width;
  const std::int64_t block =
      2 * attention + (config.cross_attn_norm ? 2 * width : 0) + linear(width, ffn) + linear(ffn, width) + 6 * width;
  const std::int64_t conditions = linear(config.freq_dim, width) + linear(width, width) + linear(width, 6 * width) +
                                  linear(config.text_dim, width) + linear(width, width);
  NetworkCost cost;
  cost.parameters = linear(patch_in, width) + conditions + layers * block + linear(width, patch_out) + 2 * width;

  // Keys and values of the text are made once a prompt, so a token pays for six of the eight projections.
  const std::int64_t products = 6 * width * width + 2 * width * ffn + 2 * kTextRows * width;
  cost.flop_per_item = static_cast<double>(2 * (width * (patch_in + patch_out) + layers * products));
  cost.flop_per_pair = static_cast<double>(4 * width * layers);
  // The residual, queries, keys, values and what attention makes of them. The feed-forward's middle is made by pieces.
  cost.values_per_item = static_cast<double>(5 * width);
  return cost;
}

}  // namespace sora
