// A pool of CPU tensors. Other devices have allocators that keep their memory.
#include "nn/scratch.h"

#include <ATen/ATen.h>
#include <c10/util/accumulate.h>

#include <algorithm>

namespace sora {

Tensor Scratch::empty(at::IntArrayRef sizes, const Tensor& like) {
  if (!like.is_cpu()) return at::empty(sizes, like.options());
  const std::int64_t size = c10::multiply_integers(sizes);
  const auto is_free = [](const Tensor& block) { return block.storage().use_count() == 1; };
  Tensor* best = nullptr;
  for (Tensor& block : blocks_) {
    if (is_free(block) && block.numel() >= size && (best == nullptr || block.numel() < best->numel())) best = &block;
  }
  if (best == nullptr) {
    // Blocks that were too small for this will be too small for what comes next.
    std::erase_if(blocks_, is_free);
    best = &blocks_.emplace_back(at::empty({size}, like.options()));
  }
  return best->narrow(0, 0, size).view(sizes);
}

}  // namespace sora
