// The secret of an installation from which the watermark's pattern follows.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace sora {

struct WatermarkKey {
  std::array<std::uint8_t, 32> bytes{};
  bool operator==(const WatermarkKey&) const = default;
};

/// Eight hexadecimal digits of a hash that say which key it is and nothing about it: safe to publish.
std::string key_id(const WatermarkKey& key);

}  // namespace sora
