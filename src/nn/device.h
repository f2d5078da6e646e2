// The device that LibTorch computes on, made ready.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "sora/placement.h"

namespace sora {

/// Sets the number of threads and the precision of products, and for a GPU loads LibTorch's CUDA half. To be called
/// before any other use of LibTorch in the process: what asks for CUDA first would remember that there is none.
/// Error{usage} that says what is missing.
at::Device prepare_device(const Placement& placement);

at::ScalarType scalar_type(Dtype dtype);

/// Most memory that tensors have taken on `device` so far; 0 for the CPU.
std::int64_t peak_device_bytes(at::Device device);

}  // namespace sora
