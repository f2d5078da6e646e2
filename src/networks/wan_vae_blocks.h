// What AutoencoderKLWan's encoder and decoder are made of, both generations (2.1 and 2.2's residual levels).
// Activations are [T, H, W, C]; a block that looks back in time keeps it in the stream.
#pragma once

#include <cstdint>
#include <optional>

#include "nn/causal_conv3d.h"
#include "nn/pixel_norm.h"
#include "sora/weights.h"

namespace sora {

/// WanRMS_norm.
class PixelNorm {
 public:
  /// `shape`: the stored shape of gamma: {C, 1, 1, 1}, or {C, 1, 1} for the norm of images.
  PixelNorm(const Weights& weights, at::IntArrayRef shape);
  Tensor operator()(const Tensor& x, Stream& stream) const;
  Tensor silu(const Tensor& x, Stream& stream) const;  ///< followed by SiLU
  void silu_(Tensor& x) const;                         ///< the same in place

 private:
  Tensor gamma_;  // [C]
};

/// A 1x1x1 convolution, or a 1x1 one over images: a projection of each pixel's channels.
class PointwiseConv {
 public:
  enum class Over { video, images };
  PointwiseConv(const Weights& weights, std::int64_t in, std::int64_t out, Over over = Over::video);
  Tensor operator()(const Tensor& x, Stream& stream) const;  // [..., in] -> [..., out]

 private:
  Tensor weight_;  // [in, out]
  Tensor bias_;    // [out]
};

/// WanResidualBlock.
class ResidualBlock {
 public:
  ResidualBlock(const Weights& weights, std::int64_t in, std::int64_t out, StreamSlots& slots);
  Tensor operator()(const Tensor& x, Stream& stream) const;

 private:
  PixelNorm norm1_;
  CausalConv3d conv1_;
  PixelNorm norm2_;
  CausalConv3d conv2_;
  std::optional<PointwiseConv> shortcut_;
};

/// WanAttentionBlock: one head over the pixels of a frame.
class FrameAttention {
 public:
  FrameAttention(const Weights& weights, std::int64_t channels);
  Tensor operator()(const Tensor& x, Stream& stream) const;

 private:
  PixelNorm norm_;
  PointwiseConv to_qkv_, proj_;
};

/// WanMidBlock.
class MidBlock {
 public:
  MidBlock(const Weights& weights, std::int64_t channels, StreamSlots& slots);
  Tensor operator()(const Tensor& x, Stream& stream) const;

 private:
  ResidualBlock first_;
  FrameAttention attention_;
  ResidualBlock second_;
};

/// What a WanResample does to time. A video's first frame is never doubled or merged.
enum class TimeScale { none, two };

/// WanResample upwards: twice the frames (if so), then twice the width and height.
class Upsampler {
 public:
  Upsampler(const Weights& weights, std::int64_t in, std::int64_t out, TimeScale time, StreamSlots& slots);
  /// `residual` has the shape of the result, or is undefined.
  Tensor operator()(const Tensor& x, Stream& stream, const Tensor& residual = {}) const;

 private:
  Tensor double_frames(const Tensor& x, Stream& stream) const;

  std::optional<TimeConv> time_conv_;
  int slot_ = -1;
  DoublingConv2d conv_;
};

/// WanResample downwards: half the width and height, then half the frames (if so).
class Downsampler {
 public:
  Downsampler(const Weights& weights, std::int64_t channels, TimeScale time, StreamSlots& slots);
  Tensor operator()(const Tensor& x, Stream& stream) const;

 private:
  Tensor halve_frames(const Tensor& x, Stream& stream) const;

  HalvingConv2d conv_;
  std::optional<TimeConv> time_conv_;
  int slot_ = -1;
};

/// DupUp3D: x [T, H, W, C] -> [T · time, 2H, 2W, out] by repeating values; the first time - 1 frames of a video are
/// dropped.
Tensor repeat_up(const Tensor& x, std::int64_t out, TimeScale time, bool video_begins);
/// AvgDown3D: x [T, H, W, C] -> [ceil(T / time), H / space, W / space, out] by averaging values.
Tensor average_down(const Tensor& x, std::int64_t out, TimeScale time, std::int64_t space);

}  // namespace sora
