// What the planner must know of a picture or clip of the user's, as values: no libav, no LibTorch.
#pragma once

#include <algorithm>
#include <cmath>

#include "sora/geometry.h"

namespace sora {

/// A file as it was decoded, not as its header describes it.
struct MediaInfo {
  bool image = false;  ///< a single picture: a picture file, or a clip of one frame; it has no fps
  PixelSize size;      ///< as shown: rotated as the file says, with square pixels
  Rational fps;        ///< on average, where the frames' durations vary
  int frames = 0;      ///< decoded and counted
};

/// Frames of a clip at `fps`, to the nearest: what reading it at that rate gives. 1 for an image.
inline int frames_at(const MediaInfo& media, const Rational& fps) {
  if (media.image) return 1;
  return std::max(1, static_cast<int>(std::lround(media.frames * fps.value() / media.fps.value())));
}

/// How pictures get another aspect ratio.
enum class Resize {
  crop,     ///< scaled until they cover the size, then cut to its middle
  pad,      ///< scaled until they fit in, with black bars
  stretch,  ///< scaled to the size: what diffusers' pipelines do
};

}  // namespace sora
