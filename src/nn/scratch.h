// Memory that the activations of one computation hand on to each other. Large tensors on the CPU are fresh pages each
// time they are made, and touching those takes about as long as computing what is in them.
#pragma once

#include <vector>

#include "sora/tensor.h"

namespace sora {

/// An uninitialised tensor like `like`, but for its size. On Linux its memory comes 2 MiB at a time where it can.
Tensor empty_in_large_pages(at::IntArrayRef sizes, const Tensor& like);

class Scratch {
 public:
  /// An uninitialised fp32 tensor on the device of `like`. Its memory is used again once the last tensor that shares it
  /// is gone.
  Tensor empty(at::IntArrayRef sizes, const Tensor& like);

 private:
  std::vector<Tensor> blocks_;  // [n] each
};

}  // namespace sora
