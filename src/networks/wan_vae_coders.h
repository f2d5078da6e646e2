// WanEncoder3d and WanDecoder3d with their 1x1x1 convolutions, as functions of pieces of a video.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "architecture/wan_vae.h"
#include "networks/wan_vae_blocks.h"

namespace sora {

class WanVaeDecoder {
 public:
  /// `weights`: the whole component's.
  WanVaeDecoder(const WanVaeConfig& config, const Weights& weights);
  Stream begin_stream(Scratch& scratch) const { return {slots_.count(), scratch}; }
  /// The next latent frames z [T, h, w, z_dim] -> their frames [T', H, W, out_channels], before unpatchifying. Any
  /// number of frames a call: the result is the same.
  Tensor operator()(const Tensor& z, Stream& stream) const;

 private:
  struct Level {
    std::string name;  // for traces
    std::vector<ResidualBlock> blocks;
    std::optional<Upsampler> up;
    TimeScale time = TimeScale::none;
    std::int64_t out = 0;
  };
  std::vector<Level> make_levels(const WanVaeConfig& config, const Weights& blocks);
  Tensor run_level(const Level& level, const Tensor& x, bool video_begins, Stream& stream) const;

  bool is_residual_;
  StreamSlots slots_;
  PointwiseConv post_quant_conv_;
  CausalConv3d conv_in_;
  MidBlock mid_block_;
  std::vector<Level> levels_;
  PixelNorm norm_out_;
  CausalConv3d conv_out_;
};

class WanVaeEncoder {
 public:
  WanVaeEncoder(const WanVaeConfig& config, const Weights& weights);
  Stream begin_stream(Scratch& scratch) const { return {slots_.count(), scratch}; }
  /// The next frames [T, H, W, in_channels], patchified -> the mean of their latents [T', h, w, z_dim]. A video's first
  /// frame becomes a latent frame of its own; beyond it T is a multiple of scale_factor_temporal.
  Tensor operator()(const Tensor& frames, Stream& stream) const;

 private:
  struct Level {
    std::int64_t out = 0;
    std::vector<ResidualBlock> blocks;
    std::optional<Downsampler> down;
    TimeScale time = TimeScale::none;
  };
  std::vector<Level> make_levels(const WanVaeConfig& config, const Weights& blocks);
  Tensor run_level(const Level& level, const Tensor& x, Stream& stream) const;

  bool is_residual_;
  std::int64_t z_dim_;
  StreamSlots slots_;
  CausalConv3d conv_in_;
  std::vector<Level> levels_;
  MidBlock mid_block_;
  PixelNorm norm_out_;
  CausalConv3d conv_out_;
  PointwiseConv quant_conv_;
};

}  // namespace sora
