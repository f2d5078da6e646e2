// AutoencoderKLWan's decoder and encoder.
#include "networks/wan_vae_coders.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "nn/trace.h"

namespace sora {
namespace {

TimeScale time_scale(bool two) { return two ? TimeScale::two : TimeScale::none; }

}  // namespace

WanVaeDecoder::WanVaeDecoder(const WanVaeConfig& config, const Weights& weights)
    : is_residual_(config.is_residual),
      post_quant_conv_(weights.sub("post_quant_conv"), config.z_dim, config.z_dim),
      conv_in_(weights.sub("decoder.conv_in"), config.z_dim, wan_decoder_levels(config).front().in, slots_),
      mid_block_(weights.sub("decoder.mid_block"), wan_decoder_levels(config).front().in, slots_),
      levels_(make_levels(config, weights.sub("decoder.up_blocks"))),
      norm_out_(weights.sub("decoder.norm_out"), {levels_.back().out, 1, 1, 1}),
      conv_out_(weights.sub("decoder.conv_out"), levels_.back().out, config.out_channels, slots_) {}

std::vector<WanVaeDecoder::Level> WanVaeDecoder::make_levels(const WanVaeConfig& config, const Weights& blocks) {
  std::vector<Level> levels;
  for (const WanDecoderLevel& shape : wan_decoder_levels(config)) {
    const Weights weights = blocks.sub(static_cast<std::int64_t>(levels.size()));
    Level& level = levels.emplace_back();
    level.name = fmt::format("decoder.up_block{}", levels.size() - 1);
    level.out = shape.out;
    for (std::int64_t r = 0; r <= config.num_res_blocks; ++r) {
      level.blocks.emplace_back(weights.sub("resnets").sub(r), r == 0 ? shape.in : shape.out, shape.out, slots_);
    }
    if (!shape.up) continue;
    level.time = time_scale(shape.up_time);
    level.up.emplace(weights.sub(config.is_residual ? "upsampler" : "upsamplers.0"), shape.out, shape.up_out,
                     level.time, slots_);
  }
  return levels;
}

Tensor WanVaeDecoder::run_level(const Level& level, const Tensor& x, bool video_begins, Stream& stream) const {
  Tensor y = x;
  for (const ResidualBlock& block : level.blocks) y = block(y, stream);
  if (!level.up) return y;
  const Tensor shortcut = is_residual_ ? repeat_up(x, level.out, level.time, video_begins) : Tensor();
  return (*level.up)(y, stream, shortcut);
}

Tensor WanVaeDecoder::operator()(const Tensor& z, Stream& stream) const {
  const bool video_begins = stream.at_beginning();
  Tensor x = conv_in_(post_quant_conv_(z, stream), stream);
  trace("decoder.conv_in", x);
  x = mid_block_(x, stream);
  trace("decoder.mid_block", x);
  for (const Level& level : levels_) {
    x = run_level(level, x, video_begins, stream);
    trace(level.name, x);
  }
  norm_out_.silu_(x);
  x = conv_out_(x, stream);
  trace("decoder.conv_out", x);
  return x;
}

WanVaeEncoder::WanVaeEncoder(const WanVaeConfig& config, const Weights& weights)
    : is_residual_(config.is_residual),
      z_dim_(config.z_dim),
      conv_in_(weights.sub("encoder.conv_in"), config.in_channels, config.base_dim, slots_),
      levels_(make_levels(config, weights.sub("encoder.down_blocks"))),
      mid_block_(weights.sub("encoder.mid_block"), levels_.back().out, slots_),
      norm_out_(weights.sub("encoder.norm_out"), {levels_.back().out, 1, 1, 1}),
      conv_out_(weights.sub("encoder.conv_out"), levels_.back().out, 2 * config.z_dim, slots_),
      quant_conv_(weights.sub("quant_conv"), 2 * config.z_dim, 2 * config.z_dim) {}

std::vector<WanVaeEncoder::Level> WanVaeEncoder::make_levels(const WanVaeConfig& config, const Weights& blocks) {
  std::vector<Level> levels;
  std::int64_t in = config.base_dim, flat_index = 0;
  for (std::int64_t i = 0; i < config.levels(); ++i) {
    Level& level = levels.emplace_back();
    level.out = config.base_dim * config.dim_mult[i];
    // Wan 2.1 numbers the blocks and resamplers of all levels in one row.
    const auto next = [&](std::string_view name) {
      return config.is_residual ? blocks.sub(i).sub(name) : blocks.sub(flat_index++);
    };
    for (std::int64_t r = 0; r < config.num_res_blocks; ++r) {
      level.blocks.emplace_back(next(fmt::format("resnets.{}", r)), r == 0 ? in : level.out, level.out, slots_);
    }
    in = level.out;
    if (i + 1 == config.levels()) break;
    level.time = time_scale(config.temperal_downsample[i]);
    level.down.emplace(next("downsampler"), level.out, level.time, slots_);
  }
  return levels;
}

Tensor WanVaeEncoder::run_level(const Level& level, const Tensor& x, Stream& stream) const {
  Tensor y = x;
  for (const ResidualBlock& block : level.blocks) y = block(y, stream);
  if (level.down) y = (*level.down)(y, stream);
  return is_residual_ ? y.add_(average_down(x, level.out, level.time, level.down ? 2 : 1)) : y;
}

Tensor WanVaeEncoder::operator()(const Tensor& frames, Stream& stream) const {
  Tensor x = conv_in_(frames, stream);
  for (const Level& level : levels_) x = run_level(level, x, stream);
  x = mid_block_(x, stream);
  norm_out_.silu_(x);
  return quant_conv_(conv_out_(x, stream), stream).narrow(3, 0, z_dim_);
}

}  // namespace sora
