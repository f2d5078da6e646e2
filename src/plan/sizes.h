// Whether a checkpoint can make pictures of a size.
#pragma once

#include <string>

#include "sora/plan.h"

namespace sora {

/// Why it cannot, with the nearest sizes that it can; empty if it can.
std::string size_fault(const PixelSize& size, const Traits& traits);
std::string size_fault(const PixelSize& size, const Compression& compression, const std::array<int, 3>& patch);

}  // namespace sora
