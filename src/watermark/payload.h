// What the watermark says: an id of 48 bits and its CRC-16, in a tail-biting convolutional code.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace sora {

inline constexpr int kWatermarkIdBits = 48, kMessageBits = 64, kCodeRate = 4;
inline constexpr int kCodeBits = kMessageBits * kCodeRate;

/// The code's bits, 0 or 1, of the lowest 48 bits of `id`.
std::array<std::uint8_t, kCodeBits> encode_id(std::uint64_t id);

/// `soft`: one value for each bit of the code, positive where it is rather a 0, the further from 0 the surer.
/// Nothing unless the CRC of the most likely message is right: noise alone passes once in 65536 times.
std::optional<std::uint64_t> decode_id(std::span<const float, kCodeBits> soft);

}  // namespace sora
