// Attention over several heads, through at::scaled_dot_product_attention, which picks the kernel.
#include "nn/attention.h"

#include <ATen/ATen.h>

namespace sora {
namespace {

// [1, L, heads · head_dim] -> [1, heads, L, head_dim], a view.
Tensor split_heads(const Tensor& x, std::int64_t heads) { return x.unflatten(2, {heads, -1}).transpose(1, 2); }

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads, const Tensor& bias) {
  const std::optional<Tensor> mask = bias.defined() ? std::optional(bias) : std::nullopt;
  const Tensor out =
      at::scaled_dot_product_attention(split_heads(q, heads), split_heads(k, heads), split_heads(v, heads), mask);
  return out.transpose(1, 2).flatten(2);  // the kernels lay their result out as [1, L, heads, head_dim]: no copy
}

}  // namespace sora
