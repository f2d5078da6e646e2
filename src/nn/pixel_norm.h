// AutoencoderKLWan's norm over the channels of a pixel (WanRMS_norm), alone or followed by SiLU.
#pragma once

#include <cstdint>

#include "sora/tensor.h"

namespace sora {

enum class Activation { none, silu };

/// out = x / max(‖x‖, 1e-12) · √C · gamma over the last dimension, and then the activation; one pass over memory on the
/// CPU. x [..., C] and out are fp32 and contiguous, and may be the same tensor; gamma [C].
void normalize_pixels(const Tensor& x, const Tensor& gamma, Activation activation, Tensor& out);

}  // namespace sora
