// Attention over several heads.
#pragma once

#include <cstdint>

#include "sora/tensor.h"

namespace sora {

/// softmax(q · kᵀ / sqrt(head_dim) + bias) · v for q [1, L, heads · head_dim], k and v [1, S, heads · head_dim] ->
/// [1, L, heads · head_dim]. `bias`: undefined, or [1, 1, 1, S] in the tensors' dtype.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads, const Tensor& bias = {});

}  // namespace sora
