// AutoencoderKLWan's config.json and cost.
#include "architecture/wan_vae.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "architecture/read_size.h"

namespace sora {
namespace {

// Far above any real network, low enough that products of them never overflow.
constexpr std::int64_t kMaxDim = 4096, kMaxMultiple = 64, kMaxLevels = 8, kMaxBlocks = 64, kMaxPatch = 16;

// The class defaults of Wan 2.1.
constexpr double kLatentsMean[] = {-0.7571, -0.7089, -0.9113, 0.1075,  -0.1745, 0.9653,  -0.1517, 1.5508,
                                   0.4134,  -0.0715, 0.5517,  -0.3632, -0.1922, -0.9497, 0.2503,  -0.2921};
constexpr double kLatentsStd[] = {2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
                                  3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160};

void read_levels(JsonObject& json, WanVaeConfig& config) {
  config.dim_mult = json.read_or("dim_mult", config.dim_mult);
  if (config.dim_mult.size() < 2 || config.dim_mult.size() > kMaxLevels) {
    json.fail_at("dim_mult", fmt::format("expected 2 to {} levels, found {}", kMaxLevels, config.dim_mult.size()));
  }
  for (const std::int64_t multiple : config.dim_mult) checked_size(json, "dim_mult", multiple, kMaxMultiple);
  config.temperal_downsample = json.read_or("temperal_downsample", config.temperal_downsample);
  if (config.temperal_downsample.size() != config.dim_mult.size() - 1) {
    json.fail_at("temperal_downsample", fmt::format("expected {} values, one less than \"dim_mult\" has, found {}",
                                                    config.dim_mult.size() - 1, config.temperal_downsample.size()));
  }
}

std::vector<double> read_per_channel(JsonObject& json, std::string_view key, std::vector<double> otherwise,
                                     std::int64_t z_dim) {
  auto values = json.read_or(key, std::move(otherwise));
  if (static_cast<std::int64_t>(values.size()) != z_dim) {
    json.fail_at(key, fmt::format("expected {} values, one for each of \"z_dim\", found {}", z_dim, values.size()));
  }
  return values;
}

void read_latent_statistics(JsonObject& json, WanVaeConfig& config) {
  config.latents_mean =
      read_per_channel(json, "latents_mean", {std::begin(kLatentsMean), std::end(kLatentsMean)}, config.z_dim);
  config.latents_std =
      read_per_channel(json, "latents_std", {std::begin(kLatentsStd), std::end(kLatentsStd)}, config.z_dim);
  for (const double value : config.latents_std) {
    if (!(value > 0)) json.fail_at("latents_std", fmt::format("expected numbers above 0, found {}", value));
  }
}

void read_pixel_layout(JsonObject& json, WanVaeConfig& config) {
  config.patch_size =
      checked_size(json, "patch_size", json.read_optional<std::int64_t>("patch_size").value_or(1), kMaxPatch);
  const std::int64_t values = 3 * config.patch_size * config.patch_size;
  config.in_channels = json.read_or("in_channels", config.in_channels);
  config.out_channels = json.read_or("out_channels", config.out_channels);
  const auto expect_values = [&](std::string_view key, std::int64_t found) {
    if (found != values) {
      json.fail_at(key, fmt::format("expected {}, the values of a {}x{} patch of RGB, found {}", values,
                                    config.patch_size, config.patch_size, found));
    }
  };
  expect_values("in_channels", config.in_channels);
  expect_values("out_channels", config.out_channels);
}

void read_scale_factors(JsonObject& json, WanVaeConfig& config) {
  const auto halvings = std::count(config.temperal_downsample.begin(), config.temperal_downsample.end(), true);
  const std::int64_t time = std::int64_t{1} << halvings;
  const std::int64_t space = config.patch_size << (config.levels() - 1);
  config.scale_factor_temporal = json.read_or("scale_factor_temporal", config.scale_factor_temporal);
  config.scale_factor_spatial = json.read_or("scale_factor_spatial", config.scale_factor_spatial);
  if (config.scale_factor_temporal != time) {
    json.fail_at("scale_factor_temporal", fmt::format("expected {}, as \"temperal_downsample\" says, found {}", time,
                                                      config.scale_factor_temporal));
  }
  if (config.scale_factor_spatial != space) {
    json.fail_at("scale_factor_spatial", fmt::format("expected {}, as \"dim_mult\" and \"patch_size\" say, found {}",
                                                     space, config.scale_factor_spatial));
  }
}

// A level's shortcut averages or repeats whole groups of channels.
void require_shortcuts(const JsonObject& json, const WanVaeConfig& config) {
  for (std::int64_t i = 0; i < config.levels(); ++i) {
    const bool down = i + 1 < config.levels();
    const std::int64_t in = config.base_dim * (i == 0 ? 1 : config.dim_mult[i - 1]);
    const std::int64_t out = config.base_dim * config.dim_mult[i];
    const std::int64_t factor = down ? (config.temperal_downsample[i] ? 8 : 4) : 1;
    if (in * factor % out != 0) {
      json.fail_at("dim_mult",
                   fmt::format("level {} of the encoder averages {} values into {} channels, which leaves a "
                               "rest",
                               i, in * factor, out));
    }
  }
  for (const WanDecoderLevel& level : wan_decoder_levels(config)) {
    const std::int64_t values = level.out * (level.up_time ? 8 : 4);
    if (level.up && values % level.in != 0) {
      json.fail_at("dim_mult",
                   fmt::format("a level of the decoder repeats {} channels to {} values, which leaves a rest", level.in,
                               values));
    }
  }
}

// Adds up what layers cost, going through the decoder with the size of its activations.
class Tally {
 public:
  explicit Tally(const WanVaeConfig& config)
      : pixels_(1.0 / static_cast<double>(config.patch_size * config.patch_size) / std::pow(4.0, config.levels() - 1)),
        frames_(1.0 / static_cast<double>(config.scale_factor_temporal)),
        latent_frames_(frames_) {}

  void double_size() { pixels_ *= 4; }
  void double_frames() { frames_ *= 2; }

  void conv(std::int64_t in, std::int64_t out, int taps) {
    cost_.parameters += in * out * taps + out;
    cost_.flop_per_item += 2.0 * static_cast<double>(in * out * taps) * pixels_ * frames_;
  }
  // A causal 3x3x3 convolution remembers two frames of its input.
  void causal_conv(std::int64_t in, std::int64_t out) {
    conv(in, out, 27);
    remember(in);
  }
  void remember(std::int64_t channels) { memory_ += 2.0 * static_cast<double>(channels) * pixels_ * latent_frames_; }
  void norm(std::int64_t channels) { cost_.parameters += channels; }
  /// Activations alive at once here, in values per pixel and frame.
  void alive(std::int64_t values) { peak_ = std::max(peak_, static_cast<double>(values) * pixels_ * frames_); }

  NetworkCost total() const {
    NetworkCost cost = cost_;
    cost.values_per_item = peak_ + memory_;
    cost.remembered_per_item = memory_;
    return cost;
  }

 private:
  NetworkCost cost_;
  double pixels_, frames_, latent_frames_;  // per output pixel, per output frame
  double memory_ = 0, peak_ = 0;
};

void add_residual_block(Tally& tally, std::int64_t in, std::int64_t out) {
  tally.norm(in);
  tally.causal_conv(in, out);
  tally.norm(out);
  tally.causal_conv(out, out);
  if (in != out) tally.conv(in, out, 1);
  tally.alive(in + 2 * std::max(in, out));
}

}  // namespace

WanVaeConfig read_wan_vae_config(JsonObject json) {
  WanVaeConfig config;
  config.base_dim = read_size(json, "base_dim", config.base_dim, kMaxDim);
  config.decoder_base_dim =
      checked_size(json, "decoder_base_dim",
                   json.read_optional<std::int64_t>("decoder_base_dim").value_or(config.base_dim), kMaxDim);
  config.z_dim = read_size(json, "z_dim", config.z_dim, kMaxDim);
  config.num_res_blocks = read_size(json, "num_res_blocks", config.num_res_blocks, kMaxBlocks);
  read_levels(json, config);
  read_latent_statistics(json, config);
  config.is_residual = json.read_or("is_residual", config.is_residual);
  read_pixel_layout(json, config);
  read_scale_factors(json, config);
  if (config.is_residual) require_shortcuts(json, config);
  json.expect("attn_scales", std::vector<double>{});
  json.ignore({"dropout"});
  json.finish();
  return config;
}

std::vector<WanDecoderLevel> wan_decoder_levels(const WanVaeConfig& config) {
  std::vector<WanDecoderLevel> levels;
  std::int64_t in = config.decoder_base_dim * config.dim_mult.back();
  for (std::int64_t i = config.levels() - 1; i >= 0; --i) {
    WanDecoderLevel level;
    level.in = in;
    level.out = config.decoder_base_dim * config.dim_mult[i];
    level.up = i > 0;
    level.up_time = level.up && config.temperal_downsample[i - 1];
    level.up_out = config.is_residual || !level.up ? level.out : level.out / 2;
    in = level.up_out;
    levels.push_back(level);
  }
  return levels;
}

NetworkCost wan_vae_decoder_cost(const WanVaeConfig& config) {
  Tally tally(config);
  const std::vector<WanDecoderLevel> levels = wan_decoder_levels(config);
  const std::int64_t middle = levels.front().in;
  tally.conv(config.z_dim, config.z_dim, 1);
  tally.causal_conv(config.z_dim, middle);
  add_residual_block(tally, middle, middle);
  tally.norm(middle);
  tally.conv(middle, 4 * middle, 1);  // attention's four projections; its scores are a negligible part
  add_residual_block(tally, middle, middle);
  for (const WanDecoderLevel& level : levels) {
    for (std::int64_t r = 0; r <= config.num_res_blocks; ++r) {
      add_residual_block(tally, r == 0 ? level.in : level.out, level.out);
    }
    if (level.up_time) {
      tally.conv(level.out, 2 * level.out, 3);
      tally.remember(level.out);
      tally.double_frames();
    }
    if (level.up) {
      tally.double_size();
      tally.conv(level.out, level.up_out, 9);
    }
  }
  tally.norm(levels.back().out);
  tally.causal_conv(levels.back().out, config.out_channels);
  return tally.total();
}

}  // namespace sora
