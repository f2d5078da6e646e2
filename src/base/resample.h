// Resizing of 8-bit RGB pictures: Pillow's Image.resize, bit for bit, because models were trained on what it makes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sora/geometry.h"

namespace sora {

/// PIL.Image.BICUBIC (a = -0.5) and PIL.Image.LANCZOS (3 lobes); both widen when they shrink a picture.
enum class Filter { bicubic, lanczos };

/// A part of a picture, in pixels.
struct Crop {
  int left = 0, top = 0;
  PixelSize size;
};

/// Resizes pictures [height, width, 3] of one size to another, and keeps a part of each result. The tables are made
/// once, for all pictures.
class Resampler {
 public:
  Resampler(const PixelSize& from, const PixelSize& to, Filter filter) : Resampler(from, to, {.size = to}, filter) {}
  /// `crop` is a part of the picture of size `to`; only its pixels are computed.
  Resampler(const PixelSize& from, const PixelSize& to, const Crop& crop, Filter filter);

  std::vector<std::uint8_t> operator()(std::span<const std::uint8_t> rgb) const;

 private:
  /// How the samples of one axis are made: sample o is the sum of weights[o * taps + i] · source[first[o] + i].
  struct Axis {
    int taps = 0;
    std::vector<int> first, count;
    std::vector<std::int32_t> weights;  ///< fixed point
  };
  static Axis make_axis(int from, int to, int begin, int count, Filter filter);
  std::vector<std::uint8_t> crop_rows(const std::uint8_t* source, int rows) const;
  std::vector<std::uint8_t> resize_rows(const std::uint8_t* source, int rows) const;
  std::vector<std::uint8_t> resize_columns(std::vector<std::uint8_t> rows) const;

  PixelSize from_;
  Crop crop_;
  Axis x_, y_;  ///< empty where the size of that axis stays
};

}  // namespace sora
