// Pictures of one size brought to another: cropped, padded or stretched, by Pillow's Lanczos filter.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/resample.h"
#include "sora/media_info.h"

namespace sora {

/// Fits pictures of size `from` into the size `to`; its tables are made once, for all frames of a clip.
class Fitter {
 public:
  Fitter(const PixelSize& from, const PixelSize& to, Resize resize);

  /// `rgb` [from height, from width, 3] -> [to height, to width, 3].
  std::vector<std::uint8_t> operator()(std::span<const std::uint8_t> rgb) const;

 private:
  Fitter(const PixelSize& from, const PixelSize& to, const PixelSize& whole);

  PixelSize to_;
  Crop part_;  ///< of the scaled picture; smaller than to_ where there are bars
  Resampler resampler_;
};

}  // namespace sora
