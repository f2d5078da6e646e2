// AutoencoderKLWan's blocks.
#include "networks/wan_vae_blocks.h"

#include <ATen/ATen.h>

#include <vector>

namespace sora {

PixelNorm::PixelNorm(const Weights& weights, at::IntArrayRef shape) : gamma_(weights.take("gamma", shape).view({-1})) {}

Tensor PixelNorm::operator()(const Tensor& x, Stream& stream) const {
  Tensor out = stream.empty(x.sizes(), x);
  normalize_pixels(x, gamma_, Activation::none, out);
  return out;
}

Tensor PixelNorm::silu(const Tensor& x, Stream& stream) const {
  Tensor out = stream.empty(x.sizes(), x);
  normalize_pixels(x, gamma_, Activation::silu, out);
  return out;
}

void PixelNorm::silu_(Tensor& x) const { normalize_pixels(x, gamma_, Activation::silu, x); }

PointwiseConv::PointwiseConv(const Weights& weights, std::int64_t in, std::int64_t out, Over over)
    : weight_(over == Over::video ? weights.take("weight", {out, in, 1, 1, 1})
                                  : weights.take("weight", {out, in, 1, 1})),
      bias_(weights.take("bias", {out})) {
  weight_ = weight_.view({out, in}).t();
}

Tensor PointwiseConv::operator()(const Tensor& x, Stream& stream) const {
  const std::int64_t out = weight_.size(1);
  Tensor y = stream.empty({x.numel() / x.size(-1), out}, x);
  at::addmm_out(y, bias_, x.reshape({-1, x.size(-1)}), weight_);
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.back() = out;
  return y.view(sizes);
}

ResidualBlock::ResidualBlock(const Weights& weights, std::int64_t in, std::int64_t out, StreamSlots& slots)
    : norm1_(weights.sub("norm1"), {in, 1, 1, 1}),
      conv1_(weights.sub("conv1"), in, out, slots),
      norm2_(weights.sub("norm2"), {out, 1, 1, 1}),
      conv2_(weights.sub("conv2"), out, out, slots) {
  if (in != out) shortcut_.emplace(weights.sub("conv_shortcut"), in, out);
}

Tensor ResidualBlock::operator()(const Tensor& x, Stream& stream) const {
  Tensor hidden = conv1_(norm1_.silu(x, stream), stream);
  norm2_.silu_(hidden);
  return conv2_(hidden, stream, shortcut_ ? (*shortcut_)(x, stream) : x);
}

FrameAttention::FrameAttention(const Weights& weights, std::int64_t channels)
    : norm_(weights.sub("norm"), {channels, 1, 1}),
      to_qkv_(weights.sub("to_qkv"), channels, 3 * channels, PointwiseConv::Over::images),
      proj_(weights.sub("proj"), channels, channels, PointwiseConv::Over::images) {}

Tensor FrameAttention::operator()(const Tensor& x, Stream& stream) const {
  const std::int64_t frames = x.size(0), pixels = x.size(1) * x.size(2);
  const auto qkv = to_qkv_(norm_(x, stream), stream).view({frames, 1, pixels, -1}).chunk(3, -1);  // [T, 1, H·W, C] each
  const Tensor mixed = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]);
  return proj_(mixed.reshape(x.sizes()), stream).add_(x);
}

MidBlock::MidBlock(const Weights& weights, std::int64_t channels, StreamSlots& slots)
    : first_(weights.sub("resnets.0"), channels, channels, slots),
      attention_(weights.sub("attentions.0"), channels),
      second_(weights.sub("resnets.1"), channels, channels, slots) {}

Tensor MidBlock::operator()(const Tensor& x, Stream& stream) const {
  return second_(attention_(first_(x, stream), stream), stream);
}

Upsampler::Upsampler(const Weights& weights, std::int64_t in, std::int64_t out, TimeScale time, StreamSlots& slots)
    : conv_(weights.sub("resample.1"), in, out) {
  if (time == TimeScale::none) return;
  time_conv_.emplace(weights.sub("time_conv"), in, 2 * in);
  slot_ = slots.add();
}

Tensor Upsampler::double_frames(const Tensor& x, Stream& stream) const {
  Tensor& memory = stream.memory(slot_);
  const std::int64_t height = x.size(1), width = x.size(2), channels = x.size(3);
  const std::int64_t single = memory.defined() ? 0 : 1;  // the video's first frame: not doubled, and not remembered
  if (single == 1) memory = two_empty_frames(x);
  const Tensor doubled = x.narrow(0, single, x.size(0) - single);
  Tensor out = stream.empty({single + 2 * doubled.size(0), height, width, channels}, x);
  if (single == 1) out.select(0, 0).copy_(x.select(0, 0));
  Tensor frames = stream.empty({2 + doubled.size(0), height * width, channels}, x);
  frames.narrow(0, 0, 2).copy_(memory.flatten(1, 2));
  frames.narrow(0, 2, doubled.size(0)).copy_(doubled.flatten(1, 2));
  for (std::int64_t t = 0; t < doubled.size(0); ++t) {
    for (std::int64_t half = 0; half < 2; ++half) {
      Tensor to = out.select(0, single + 2 * t + half).view({height * width, channels});
      (*time_conv_)(frames.narrow(0, t, 3), half * channels, to);
    }
  }
  remember_two_frames(stream, slot_, doubled);
  return out;
}

Tensor Upsampler::operator()(const Tensor& x, Stream& stream, const Tensor& residual) const {
  return conv_(time_conv_ ? double_frames(x, stream) : x, stream, residual);
}

Downsampler::Downsampler(const Weights& weights, std::int64_t channels, TimeScale time, StreamSlots& slots)
    : conv_(weights.sub("resample.1"), channels) {
  if (time == TimeScale::none) return;
  time_conv_.emplace(weights.sub("time_conv"), channels, channels);
  slot_ = slots.add();
}

Tensor Downsampler::halve_frames(const Tensor& x, Stream& stream) const {
  Tensor& memory = stream.memory(slot_);
  const std::int64_t height = x.size(1), width = x.size(2), channels = x.size(3);
  const bool first = !memory.defined();
  // Each output frame but the video's first is made of two frames and the one before them.
  const Tensor frames = (first ? x : at::cat({memory, x})).view({-1, height * width, channels});
  const std::int64_t pairs = (frames.size(0) - 1) / 2;
  Tensor out = stream.empty({pairs + (first ? 1 : 0), height, width, channels}, x);
  if (first) out.select(0, 0).copy_(x.select(0, 0));
  for (std::int64_t t = 0; t < pairs; ++t) {
    Tensor to = out.select(0, t + (first ? 1 : 0)).view({height * width, channels});
    (*time_conv_)(frames.narrow(0, 2 * t, 3), 0, to);
  }
  memory = stream.ends() ? Tensor() : x.narrow(0, x.size(0) - 1, 1).clone();
  return out;
}

Tensor Downsampler::operator()(const Tensor& x, Stream& stream) const {
  const Tensor halved = conv_(x);
  return time_conv_ ? halve_frames(halved, stream) : halved;
}

Tensor repeat_up(const Tensor& x, std::int64_t out, TimeScale time, bool video_begins) {
  const std::int64_t frames = x.size(0), height = x.size(1), width = x.size(2), in = x.size(3);
  const std::int64_t factor_t = time == TimeScale::two ? 2 : 1, values = factor_t * 4;
  // Output channel c of the copy at (t, y, x) within its block is input channel (c · values + copy) / repeats.
  const Tensor copies = at::arange(values, x.options().dtype(at::kLong)).unsqueeze(1);
  const Tensor channels = at::arange(out, x.options().dtype(at::kLong)).mul_(values);
  const Tensor sources = (channels + copies).floor_divide_(out * values / in).view({-1});  // [t · y · x · out]
  const Tensor repeated = x.index_select(3, sources)
                              .view({frames, height, width, factor_t, 2, 2, out})
                              .permute({0, 3, 1, 4, 2, 5, 6})
                              .reshape({frames * factor_t, 2 * height, 2 * width, out});
  const std::int64_t dropped = video_begins ? factor_t - 1 : 0;
  return repeated.narrow(0, dropped, repeated.size(0) - dropped);
}

Tensor average_down(const Tensor& x, std::int64_t out, TimeScale time, std::int64_t space) {
  const std::int64_t factor_t = time == TimeScale::two ? 2 : 1;
  const std::int64_t missing = x.size(0) % factor_t == 0 ? 0 : factor_t - x.size(0) % factor_t;
  const Tensor padded = missing == 0 ? x : at::constant_pad_nd(x, {0, 0, 0, 0, 0, 0, missing, 0});
  const std::int64_t frames = padded.size(0) / factor_t, height = x.size(1) / space, width = x.size(2) / space;
  return padded.view({frames, factor_t, height, space, width, space, x.size(3)})
      .permute({0, 2, 4, 6, 1, 3, 5})
      .reshape({frames, height, width, out, -1})
      .mean(-1);
}

}  // namespace sora
