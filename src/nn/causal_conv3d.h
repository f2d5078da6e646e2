// Convolutions over video that comes in pieces: causal in time, with the frames before a piece kept in a stream.
// Activations are fp32 and channels-last, [T, H, W, C]: rows of channels are what norms, projections and matrix
// products take.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nn/winograd.h"
#include "sora/tensor.h"
#include "sora/weights.h"

namespace sora {

/// One video on its way through a network: what its layers remember of the pieces before, and room for activations.
class Stream {
 public:
  Stream(int slots, Scratch& scratch) : memories_(slots), scratch_(scratch) {}
  bool at_beginning() const;  ///< nothing is remembered: the next frame is the video's first
  /// A layer's own tensor; undefined until the layer has seen something.
  Tensor& memory(int slot) { return memories_.at(slot); }
  std::int64_t memory_bytes() const;
  void move_to(at::Device device);  ///< all that is remembered
  /// The next piece is the video's last: layers remember nothing of it, and forget what was before it.
  void end() { ends_ = true; }
  bool ends() const { return ends_; }
  Scratch& scratch() { return scratch_; }
  /// An uninitialised activation.
  Tensor empty(at::IntArrayRef sizes, const Tensor& like) { return scratch_.empty(sizes, like); }

 private:
  std::vector<Tensor> memories_;
  Scratch& scratch_;
  bool ends_ = false;
};

/// Gives each layer of a network that remembers something its slot, while the network is built.
class StreamSlots {
 public:
  int add() { return count_++; }
  int count() const { return count_; }

 private:
  int count_ = 0;
};

/// What a layer remembers before it has seen a frame x [T, H, W, C]: two frames of zeros.
Tensor two_empty_frames(const Tensor& x);
/// Of the slot's memory [2, H, W, C] and then x [T, H, W, C], the last two frames become the new memory, in its own
/// storage.
void remember_two_frames(Stream& stream, int slot, const Tensor& x);

/// The weights of a 3x3 or 3x3x3 convolution; on the CPU they are transformed when they are first used, so that an
/// encoder that never runs costs no memory.
class ConvWeights {
 public:
  ConvWeights(const Weights& weights, at::IntArrayRef shape);
  std::int64_t out_channels() const { return bias_.size(0); }
  /// For other devices than the CPU.
  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }
  /// For the CPU. The first pictures are of `pixels`; those that follow should not be much smaller or larger.
  const WinogradConv& winograd(std::int64_t pixels) const;

 private:
  mutable Tensor weight_;  // undefined once it has been transformed
  Tensor bias_;
  mutable std::optional<WinogradConv> winograd_;
};

/// WanCausalConv3d with a 3x3x3 kernel.
class CausalConv3d {
 public:
  CausalConv3d(const Weights& weights, std::int64_t in, std::int64_t out, StreamSlots& slots);
  /// x [T, H, W, in] -> [T, H, W, out], plus `residual` of that shape if it is defined.
  Tensor operator()(const Tensor& x, Stream& stream, const Tensor& residual = {}) const;

 private:
  ConvWeights weights_;
  int slot_;
};

/// Nearest-neighbour doubling of width and height and then a 3x3 convolution, frame by frame.
class DoublingConv2d {
 public:
  DoublingConv2d(const Weights& weights, std::int64_t in, std::int64_t out);
  /// x [T, H, W, in] -> [T, 2H, 2W, out], plus `residual` of that shape if it is defined.
  Tensor operator()(const Tensor& x, Stream& stream, const Tensor& residual = {}) const;

 private:
  ConvWeights weights_;
};

/// A 3x3 convolution that halves width and height, zero-padded at the right and at the bottom.
class HalvingConv2d {
 public:
  HalvingConv2d(const Weights& weights, std::int64_t channels);
  Tensor operator()(const Tensor& x) const;  // [T, H, W, C] -> [T, ceil(H/2), ceil(W/2), C]

 private:
  Tensor weight_, bias_;
};

/// A (3, 1, 1) convolution: each output frame is a linear function of three input frames.
class TimeConv {
 public:
  TimeConv(const Weights& weights, std::int64_t in, std::int64_t out);
  /// out [H·W, n] = channels [first, first + n) of the output frame for `frames`, three of [H·W, in] each.
  void operator()(const Tensor& frames, std::int64_t first, Tensor& out) const;

 private:
  Tensor weight_;  // [3, in, out]
  Tensor bias_;    // [out]
};

}  // namespace sora
