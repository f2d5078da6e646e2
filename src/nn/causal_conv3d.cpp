// Causal convolutions: by Winograd's algorithm on the CPU, by ATen elsewhere.
#include "nn/causal_conv3d.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace sora {
namespace {

// [T, H, W, C] <-> [1, C, T, H, W] and [T, C, H, W] without moving anything: ATen's channels-last formats.
Tensor to_ncthw(const Tensor& x) { return x.permute({3, 0, 1, 2}).unsqueeze(0); }
Tensor from_ncthw(const Tensor& x) { return x.squeeze(0).permute({1, 2, 3, 0}).contiguous(); }
Tensor to_nchw(const Tensor& x) { return x.permute({0, 3, 1, 2}); }
Tensor from_nchw(const Tensor& x) { return x.permute({0, 2, 3, 1}).contiguous(); }

Tensor with_residual(Tensor out, const Tensor& residual) { return residual.defined() ? out.add_(residual) : out; }

void add_frames(std::vector<const float*>& frames, const Tensor& x) {
  const float* data = x.const_data_ptr<float>();
  for (std::int64_t t = 0; t < x.size(0); ++t) frames.push_back(data + t * x.stride(0));
}

}  // namespace

bool Stream::at_beginning() const {
  return std::none_of(memories_.begin(), memories_.end(), [](const Tensor& memory) { return memory.defined(); });
}

std::int64_t Stream::memory_bytes() const {
  std::int64_t sum = 0;
  for (const Tensor& memory : memories_) {
    if (memory.defined()) sum += static_cast<std::int64_t>(memory.storage().nbytes());
  }
  return sum;
}

void Stream::move_to(at::Device device) {
  for (Tensor& memory : memories_) {
    if (memory.defined()) memory = memory.to(device);
  }
}

Tensor two_empty_frames(const Tensor& x) { return at::zeros({2, x.size(1), x.size(2), x.size(3)}, x.options()); }

void remember_two_frames(Stream& stream, int slot, const Tensor& x) {
  Tensor& memory = stream.memory(slot);
  const std::int64_t frames = x.size(0);
  if (stream.ends()) {
    memory.reset();
  } else if (frames >= 2) {
    memory.copy_(x.narrow(0, frames - 2, 2));
  } else if (frames == 1) {
    memory.select(0, 0).copy_(memory.select(0, 1));
    memory.select(0, 1).copy_(x.select(0, 0));
  }
}

ConvWeights::ConvWeights(const Weights& weights, at::IntArrayRef shape)
    : weight_(weights.take("weight", shape)), bias_(weights.take("bias", {shape[0]})) {
  if (weight_.is_cpu()) return;
  weight_ = weight_.contiguous(weight_.dim() == 5 ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::ChannelsLast);
}

const WinogradConv& ConvWeights::winograd(std::int64_t pixels) const {
  if (!winograd_) {
    winograd_.emplace(weight_, bias_, pixels);
    drop_weight(weight_);
  }
  return *winograd_;
}

CausalConv3d::CausalConv3d(const Weights& weights, std::int64_t in, std::int64_t out, StreamSlots& slots)
    : weights_(weights, {out, in, 3, 3, 3}), slot_(slots.add()) {}

Tensor CausalConv3d::operator()(const Tensor& x, Stream& stream, const Tensor& residual) const {
  Tensor& memory = stream.memory(slot_);
  if (!memory.defined()) memory = two_empty_frames(x);
  Tensor out;
  if (x.is_cpu()) {
    WinogradConv::Input input;
    add_frames(input.frames, memory);
    add_frames(input.frames, x);
    input.height = x.size(1);
    input.width = x.size(2);
    out = stream.empty({x.size(0), x.size(1), x.size(2), weights_.out_channels()}, x);
    weights_.winograd(input.height * input.width)(input, residual, out, stream.scratch());
  } else {
    const Tensor frames = to_ncthw(at::cat({memory, x}));
    out = with_residual(
        from_ncthw(at::conv3d(frames, weights_.weight(), weights_.bias(), /*stride=*/1, /*padding=*/{0, 1, 1})),
        residual);
  }
  remember_two_frames(stream, slot_, x);
  return out;
}

DoublingConv2d::DoublingConv2d(const Weights& weights, std::int64_t in, std::int64_t out)
    : weights_(weights, {out, in, 3, 3}) {}

Tensor DoublingConv2d::operator()(const Tensor& x, Stream& stream, const Tensor& residual) const {
  const std::int64_t height = 2 * x.size(1), width = 2 * x.size(2);
  if (!x.is_cpu()) {
    const Tensor doubled = at::upsample_nearest2d(to_nchw(x), {height, width});
    return with_residual(from_nchw(at::conv2d(doubled, weights_.weight(), weights_.bias(), 1, 1)), residual);
  }
  WinogradConv::Input input;
  add_frames(input.frames, x);
  input.height = height;
  input.width = width;
  input.doubled = true;
  Tensor out = stream.empty({x.size(0), height, width, weights_.out_channels()}, x);
  weights_.winograd(height * width)(input, residual, out, stream.scratch());
  return out;
}

HalvingConv2d::HalvingConv2d(const Weights& weights, std::int64_t channels)
    : weight_(weights.take("weight", {channels, channels, 3, 3})), bias_(weights.take("bias", {channels})) {}

Tensor HalvingConv2d::operator()(const Tensor& x) const {
  const Tensor padded = at::constant_pad_nd(to_nchw(x), {0, 1, 0, 1});
  return from_nchw(at::conv2d(padded, weight_, bias_, /*stride=*/2));
}

TimeConv::TimeConv(const Weights& weights, std::int64_t in, std::int64_t out)
    : weight_(weights.take("weight", {out, in, 3, 1, 1}).view({out, in, 3}).permute({2, 1, 0}).contiguous()),
      bias_(weights.take("bias", {out})) {}

void TimeConv::operator()(const Tensor& frames, std::int64_t first, Tensor& out) const {
  const std::int64_t count = out.size(1);
  at::addmm_out(out, bias_.narrow(0, first, count), frames.select(0, 0), weight_.select(0, 0).narrow(1, first, count));
  for (std::int64_t tap = 1; tap < 3; ++tap) {
    out.addmm_(frames.select(0, tap), weight_.select(0, tap).narrow(1, first, count));
  }
}

}  // namespace sora
