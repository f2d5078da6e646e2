// Pixels as the VAE has them, [1, 3, T, H, W] in -1..1, and as media have them, 8 bit [T, H, W, 3].
#pragma once

#include "sora/tensor.h"

namespace sora {

/// A view of fresh memory in the order of `frames`, with the axes of pixels.
Tensor to_pixels(const Tensor& frames);

/// On the host; rounded half to even as the reference's PIL output is.
Tensor to_8bit(const Tensor& pixels);

}  // namespace sora
