// 3x3 and causal 3x3x3 convolutions of fp32 channels-last video on the CPU with a fraction of the multiplications:
// Winograd's minimal filtering (Lavin and Gray, arXiv:1509.09308), F(4x4, 3x3) in space and F(2, 3) in time.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/scratch.h"
#include "sora/tensor.h"

namespace sora {

class WinogradConv {
 public:
  /// weight [K, C, 3, 3], or [K, C, 3, 3, 3] for a convolution over time, too; bias [K]. Borders are zeros in space.
  /// Pictures of any size can be convolved; those of about `pixels` at the least cost.
  WinogradConv(const Tensor& weight, const Tensor& bias, std::int64_t pixels);

  struct Input {
    /// One frame [H, W, C] each. Over time, two more than the output has: the frames before come first.
    std::vector<const float*> frames;
    std::int64_t height = 0, width = 0;  ///< of the output
    bool doubled = false;                ///< the frames are [H/2, W/2, C] and each of their pixels stands for 2x2
  };
  /// out [T, H, W, K] = convolution + bias, and + residual if that is defined.
  void operator()(const Input& input, const Tensor& residual, Tensor& out, Scratch& scratch) const;

 private:
  std::int64_t in_, out_;
  int tile_;  // outputs along a side of a tile: 4 or 2
  bool in_time_;
  Tensor filters_;  // [elements of a transformed tile, ceil(K / 16), C, 16]
  Tensor bias_;     // [K]
};

}  // namespace sora
