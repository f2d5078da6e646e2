// Looks for the invisible watermark in a video, without the original and with a bound on chance that is proven.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "watermark/key.h"
#include "watermark/residual.h"

namespace sora {

/// How far to look; each step includes those before and is taken only where they find nothing.
enum class WatermarkSearch {
  aligned,      ///< the picture as it was made: not cropped, scaled, mirrored or trimmed
  shifted,      ///< cropped and trimmed in any way
  resized,      ///< and half or double the size, or mirrored
  every_scale,  ///< and any size from 0.45 to 2.2 times the first
};

struct Detection {
  /// The chance at or below which the mark counts as found: one in a million.
  static constexpr double kMostLog10Chance = -6;

  std::size_t key = 0;  ///< index of the key that fits best
  double score = 0;     ///< how well its pilot fits: any one hypothesis gives 0 ± 1 on a video without the mark
  /// At most 10^this is the share of keys that fit a video so well by chance, with all counted that is tried.
  double log10_chance = 0;
  bool aligned = false, mirrored = false;
  double scale_x = 1, scale_y = 1;  ///< size of the picture over that of the one that was marked
  double shift_x = 0, shift_y = 0;  ///< where a tile of the pattern begins, in pixels of the one that was marked
  /// What the mark says, where it is found and its CRC is right.
  std::optional<std::uint64_t> id;

  bool found() const { return log10_chance <= kMostLog10Chance; }
};

class Detector {
 public:
  /// The next frame, RGB [H, W, 3], at `seconds` from the first. All frames of a video have one size, from 16 × 16 to
  /// 8192 × 8192. Memory is the same however many they are, 48 MB at most: residuals are summed in eight pictures, by
  /// where in its second a frame stands. Of pictures over 2048 pixels in a direction the middle is looked at.
  void add(std::span<const std::uint8_t> rgb, int width, int height, double seconds);

  /// Of all frames so far: the best fit of any of the keys.
  Detection find(const std::vector<WatermarkKey>& keys, WatermarkSearch search = WatermarkSearch::every_scale) const;

 private:
  int width_ = 0, height_ = 0;
  std::optional<ResidualFilter> filter_;
  ResidualSums sums_;
};

}  // namespace sora
