// WanTransformer3DModel's config.json and cost.
#include "architecture/wan_transformer.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "architecture/read_size.h"

namespace sora {
namespace {

// Far above any real network, low enough that products of them never overflow.
constexpr std::int64_t kMaxHeads = 1024, kMaxHeadDim = 1024, kMaxChannels = 4096, kMaxWidth = 1 << 16;
constexpr std::int64_t kMaxFfnDim = 1 << 20, kMaxLayers = 1024, kMaxPatchSide = 16, kMaxPositions = 1 << 16;
constexpr std::int64_t kTextRows = 512;
constexpr std::int64_t kImageRows = 257;  // of CLIP ViT with patches of 14 pixels

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

// The three keys of an image's states go together: those of a text-to-video transformer are all null.
void read_image_keys(JsonObject& json, WanTransformerConfig& config) {
  const auto found = json.read_optional<std::int64_t>("added_kv_proj_dim");
  const auto positions = json.read_optional<std::int64_t>("pos_embed_seq_len");
  if (!json.read_optional<std::int64_t>("image_dim")) {
    if (found) json.fail_at("added_kv_proj_dim", fmt::format("expected null, as \"image_dim\" is; found {}", *found));
    if (positions) {
      json.fail_at("pos_embed_seq_len", fmt::format("expected null, as \"image_dim\" is; found {}", *positions));
    }
    return;
  }
  config.image_dim = read_size(json, "image_dim", 0, kMaxWidth);
  if (positions) config.pos_embed_seq_len = read_even_size(json, "pos_embed_seq_len", 0, kMaxWidth);
  if (found != config.width()) {
    json.fail_at("added_kv_proj_dim",
                 fmt::format("expected {}, the width of the transformer, which has an \"image_dim\"; found {}",
                             config.width(), found ? std::to_string(*found) : "null"));
  }
}

}  // namespace

WanTransformerConfig read_wan_transformer_keys(JsonObject& json, const WanTransformerConfig& defaults) {
  WanTransformerConfig config = defaults;
  config.patch_size = read_patch_size(json, config.patch_size);
  config.num_attention_heads = read_size(json, "num_attention_heads", config.num_attention_heads, kMaxHeads);
  config.attention_head_dim = read_even_size(json, "attention_head_dim", config.attention_head_dim, kMaxHeadDim);
  config.in_channels = read_size(json, "in_channels", config.in_channels, kMaxChannels);
  config.out_channels = read_out_channels(json, config.out_channels, config.in_channels);
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
  read_image_keys(json, config);
  config.rope_max_seq_len =
      static_cast<int>(read_size(json, "rope_max_seq_len", config.rope_max_seq_len, kMaxPositions));
  return config;
}

WanTransformerConfig read_wan_transformer_config(JsonObject json) {
  const WanTransformerConfig config = read_wan_transformer_keys(json, {});
  json.finish();
  return config;
}

NetworkCost wan_block_cost(const WanTransformerConfig& config) {
  const std::int64_t width = config.width(), ffn = config.ffn_dim;
  const std::int64_t image_rows = config.image_dim ? config.pos_embed_seq_len.value_or(kImageRows) : 0;
  const std::int64_t attention = 4 * linear_parameters(width, width) + 2 * width;
  const std::int64_t image_keys = config.image_dim ? 2 * linear_parameters(width, width) + width : 0;
  NetworkCost cost;
  cost.parameters = 2 * attention + image_keys + (config.cross_attn_norm ? 2 * width : 0) +
                    linear_parameters(width, ffn) + linear_parameters(ffn, width) + 6 * width;
  cost.fetched_parameters = (8 + (config.image_dim ? 2 : 0)) * width * width + 2 * width * ffn;
  cost.block_parameters = cost.fetched_parameters;
  // Keys and values of text and image are made once a prompt, so a token pays for six of the eight projections.
  cost.flop_per_item =
      static_cast<double>(2 * (6 * width * width + 2 * width * ffn + 2 * (kTextRows + image_rows) * width));
  cost.flop_per_pair = static_cast<double>(4 * width);
  return cost;
}

NetworkCost wan_transformer_cost(const WanTransformerConfig& config) {
  const std::int64_t width = config.width(), layers = config.num_layers;
  const std::int64_t patch_in = config.in_channels * config.patch_values();
  const std::int64_t patch_out = config.out_channels * config.patch_values();
  const NetworkCost block = wan_block_cost(config);

  std::int64_t conditions = linear_parameters(config.freq_dim, width) + linear_parameters(width, width) +
                            linear_parameters(width, 6 * width) + linear_parameters(config.text_dim, width) +
                            linear_parameters(width, width);
  if (config.image_dim) {
    const std::int64_t dim = *config.image_dim, norms = 2 * (dim + width);
    conditions += linear_parameters(dim, dim) + linear_parameters(dim, width) + norms +
                  config.pos_embed_seq_len.value_or(0) * dim;
  }
  NetworkCost cost;
  cost.parameters = linear_parameters(patch_in, width) + conditions + layers * block.parameters +
                    linear_parameters(width, patch_out) + 2 * width;
  cost.block_parameters = layers * block.block_parameters;
  cost.fetched_parameters = block.fetched_parameters;
  cost.flop_per_item =
      static_cast<double>(2 * width * (patch_in + patch_out)) + static_cast<double>(layers) * block.flop_per_item;
  cost.flop_per_pair = static_cast<double>(layers) * block.flop_per_pair;
  // The residual, queries, keys, values and what attention makes of them. The feed-forward's middle is made by pieces.
  cost.values_per_item = static_cast<double>(5 * width);
  return cost;
}

}  // namespace sora
