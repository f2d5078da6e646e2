// A pool of CPU tensors. Other devices have allocators that keep their memory.
#include "nn/scratch.h"

#include <ATen/ATen.h>
#include <c10/util/accumulate.h>

#include <algorithm>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace sora {

Tensor empty_in_large_pages(at::IntArrayRef sizes, const Tensor& like) {
  Tensor tensor = at::empty(sizes, like.options());
#ifdef __linux__
  constexpr std::uintptr_t kLargePage = 2 << 20;
  const auto begin = reinterpret_cast<std::uintptr_t>(tensor.mutable_data_ptr()), end = begin + tensor.nbytes();
  const std::uintptr_t first = (begin + kLargePage - 1) / kLargePage * kLargePage;
  // It is only advice: where it is not taken, pages are small.
  if (like.is_cpu() && first + kLargePage <= end) {
    madvise(reinterpret_cast<void*>(first), (end - first) / kLargePage * kLargePage, MADV_HUGEPAGE);
  }
#endif
  return tensor;
}

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
    best = &blocks_.emplace_back(empty_in_large_pages({size}, like));
  }
  return best->narrow(0, 0, size).view(sizes);
}

}  // namespace sora
