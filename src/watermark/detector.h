// Looks for the invisible watermark in a video, without the original and with a bound on chance that is proven.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "watermark/key.h"

namespace sora {

/// What is tried, in this order; later steps only where the earlier ones find nothing.
enum class WatermarkSearch {
  aligned,      ///< the picture as it was made: not cropped, scaled, mirrored or trimmed
  shifted,      ///< any shift and start, mirrored, and half and double size
  every_scale,  ///< from 0.45 to 2.2 times the size
};

struct Detection {
  std::size_t key = 0;  ///< index of the key that fits best
  double score = 0;     ///< of that key's pilot: about 0 ± 1 for one hypothesis on a video without the mark
  double log10_chance =
      0;  ///< at most 10^this of all keys would fit as well by chance, everything that is tried counted
  bool aligned = false, mirrored = false;
  double scale = 1;                 ///< size of the picture relative to the one that was marked
  double shift_x = 0, shift_y = 0;  ///< pixels of the original, modulo the tile
  /// What the mark says, where it is found and its CRC is right.
  std::optional<std::uint64_t> id;

  bool found() const { return log10_chance <= -6; }
};

class Detector {
 public:
  explicit Detector(std::vector<WatermarkKey> keys, WatermarkSearch search = WatermarkSearch::every_scale);
  ~Detector();

  /// The next frame, RGB [H, W, 3], at `seconds` from the first. All frames of a video are of one size, 16 × 16 to
  /// 8192 × 8192. Memory stays the same however many there are.
  void add(std::span<const std::uint8_t> rgb, int width, int height, double seconds);

  /// Of all frames so far.
  Detection finish() const;

 private:
  struct Sums;
  std::vector<WatermarkKey> keys_;
  WatermarkSearch search_;
  std::unique_ptr<Sums> sums_;
};

}  // namespace sora
