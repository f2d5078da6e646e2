// How a decoded picture is to be shown: which way up, and how wide its pixels are.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/resample.h"
#include "media/av.h"
#include "sora/geometry.h"

namespace sora {

/// One of the eight ways to lay a rectangle onto itself: first swap rows and columns, then mirror.
struct Orientation {
  bool swaps_axes = false, mirrors_x = false, mirrors_y = false;
  bool operator==(const Orientation&) const = default;
};

/// libav's display matrix, nine fixed-point numbers. Empty if it turns by anything but quarter turns.
std::optional<Orientation> orientation_of(std::span<const std::int32_t, 9> matrix);

/// Of a frame, as it or its stream (a clip's; else nullptr) says. Empty as above.
std::optional<Orientation> orientation_of(const AVFrame& frame, const AVStream* stream);

/// Makes decoded pictures of one size what a viewer sees: square pixels, the right way up.
class Display {
 public:
  /// `pixel_aspect`: width to height of a pixel; 0/1 where it is unknown and taken for 1.
  Display(const PixelSize& decoded, AVRational pixel_aspect, const Orientation& orientation);

  PixelSize size() const;
  std::vector<std::uint8_t> operator()(std::vector<std::uint8_t> rgb) const;

 private:
  PixelSize decoded_, square_;
  Orientation orientation_;
};

}  // namespace sora
