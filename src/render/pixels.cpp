#include "render/pixels.h"

#include <ATen/ATen.h>

namespace sora {

Tensor to_pixels(const Tensor& frames) {
  return frames.to(at::kFloat).div_(255).mul_(2).sub_(1).permute({3, 0, 1, 2}).unsqueeze(0);
}

Tensor to_8bit(const Tensor& pixels) {
  const Tensor unit = (pixels * 0.5 + 0.5).clamp_(0, 1);
  return unit.mul_(255).round_().to(at::kByte).squeeze(0).permute({1, 2, 3, 0}).contiguous().cpu();
}

}  // namespace sora
