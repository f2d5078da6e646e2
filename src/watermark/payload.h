// What the watermark says: an id of 48 bits and its CRC-16 in a convolutional code.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sora {

inline constexpr int kWatermarkIdBits = 48;

/// The number of bits that encode_id returns.
int watermark_code_bits();

/// The code's bits, 0 or 1, of the lowest 48 bits of `id`.
std::vector<std::uint8_t> encode_id(std::uint64_t id);

/// `soft`: one value for each bit of the code, positive where it is rather a 0, the further from 0 the surer.
/// Nothing unless the CRC of the most likely id is right: noise alone passes once in 65536 times.
std::optional<std::uint64_t> decode_id(std::span<const float> soft);

}  // namespace sora
