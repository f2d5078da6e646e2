// Noise. Always drawn on the CPU in fp32 with LibTorch's generator, so that a seed means the same on every device and
// the same as torch.Generator("cpu") in the Python reference.
#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>

#include "sora/tensor.h"

namespace sora {

class Rng {
 public:
  explicit Rng(std::uint64_t seed);
  /// Standard normal values of exactly this shape. One call, one draw: splitting it would give other numbers.
  Tensor normal(at::IntArrayRef shape);
  /// Bytes from which set_state goes on with the same numbers.
  Tensor state() const;
  void set_state(const Tensor& bytes);

 private:
  at::Generator generator_;
};

}  // namespace sora
