// The pattern that a key stands for: signs of the Fourier coefficients of a tile that is repeated over the picture.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "watermark/key.h"
#include "watermark/payload.h"

namespace sora {

inline constexpr int kTile = 128;        // edge in pixels of the marked picture
inline constexpr int kHighestRing = 17;  // cycles a tile: waves of 7.5 pixels and longer
inline constexpr int kLowestRing = 4;    // waves of 32 pixels and shorter: longer ones are the picture's own

/// Two of five coefficients keep their sign, the others change it every half a second: encoders keep best what never
/// changes, and what changes stands out from a picture that does not move.
inline constexpr double kFlipSeconds = 0.5;

/// One complex Fourier coefficient, `y` and `x` cycles a tile.
struct PatternBin {
  int y = 0, x = 0;
  int ring = 0;  ///< its distance from the origin, rounded
  bool flips = false, pilot = false;
  std::array<int, 2> sign{1, 1};  ///< of its real and imaginary part
  std::array<int, 2> code{0, 0};  ///< which bits of the code are multiplied onto them, unless it is of the pilot
};

/// The coefficients that any key uses, the same for all.
std::vector<PatternBin> watermark_bins();

/// The same coefficients with all that follows from the key.
std::vector<PatternBin> keyed_pattern(const WatermarkKey& key);

}  // namespace sora
