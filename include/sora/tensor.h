// at::Tensor, and nothing more of LibTorch.
#pragma once

#include <ATen/core/Tensor.h>

namespace sora {
using at::Tensor;
}
