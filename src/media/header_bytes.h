// A few bytes of a file, looked at as text and as numbers.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "media/input_file.h"

namespace sora {

/// The bytes of a file from some offset on, zeros after its end.
template <std::size_t kBytes>
struct HeaderBytes {
  std::array<std::uint8_t, kBytes> values{};
  std::size_t count = 0;

  HeaderBytes(const InputFile& file, std::int64_t offset) : count(file.read_at(offset, values)) {}
  std::string_view text() const { return {reinterpret_cast<const char*>(values.data()), count}; }
  bool has(std::size_t at, std::string_view expected) const {
    return text().substr(std::min(at, count)).starts_with(expected);
  }
  /// 1 to 4 bytes as a number.
  int little(std::size_t at, int bytes) const {
    std::uint32_t value = 0;
    for (int i = bytes - 1; i >= 0; --i) value = value << 8 | values.at(at + static_cast<std::size_t>(i));
    return static_cast<int>(value);
  }
  int big(std::size_t at, int bytes) const {
    std::uint32_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | values.at(at + static_cast<std::size_t>(i));
    return static_cast<int>(value);
  }
  std::uint64_t big64(std::size_t at) const {
    return std::uint64_t{static_cast<std::uint32_t>(big(at, 4))} << 32 | static_cast<std::uint32_t>(big(at + 4, 4));
  }
};

}  // namespace sora
