// The secret of an installation from which the watermark's pattern follows.
#pragma once

#include <array>
#include <cstdint>

namespace sora {

struct WatermarkKey {
  std::array<std::uint8_t, 32> bytes{};
  bool operator==(const WatermarkKey&) const = default;
};

}  // namespace sora
