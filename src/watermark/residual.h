// What remains of a picture when its own large shapes and contrasts are taken away: where the detector looks.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace sora {

/// The part of a picture that is looked at, and how finely: 1024 × 1024 samples at most, whatever its size.
struct WorkArea {
  int left = 0, top = 0;      ///< pixels of the picture
  int pixels = 1;             ///< a sample is the mean of pixels × pixels
  int width = 0, height = 0;  ///< samples

  static WorkArea of(int width, int height);
};

/// Parts of the second in which the flipping bins go to and fro; residuals are summed for each.
inline constexpr int kTimeBins = 8;
using ResidualSums = std::array<std::vector<float>, kTimeBins>;  // each [area.height, area.width]

class ResidualFilter {
 public:
  ResidualFilter(int width, int height);
  const WorkArea& area() const { return area_; }
  /// Adds the residual of an RGB frame [H, W, 3] to `sum`, [area.height, area.width]. Each value is at most 2 away from
  /// 0.
  void add_to(std::span<float> sum, std::span<const std::uint8_t> rgb);

 private:
  void read_luma(std::span<const std::uint8_t> rgb);
  // Means of squares of (2 · radius + 1)², within the picture at its edges.
  void box_mean(const std::vector<float>& from, int radius, std::vector<float>& to);

  int width_;
  WorkArea area_;
  std::vector<float> luma_, blurred_, energy_, rows_, columns_;
};

}  // namespace sora
