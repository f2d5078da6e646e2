// Frames on their way out.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace sora {

/// `count` frames of 8-bit RGB, [count, height, width, 3], in host memory that belongs to the caller.
struct Frames {
  int count = 0, height = 0, width = 0;
  std::span<const std::uint8_t> rgb;
};

/// Changes a frame in place, [height, width, 3], given its index in the video.
using MarkFrame = std::function<void(std::span<std::uint8_t> rgb, int height, int width, std::int64_t index)>;

/// Where frames go. A sink that is destroyed before finish() leaves nothing under the output's final name.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void write(const Frames& frames) = 0;
  /// Everything is on disk under its final name when this returns.
  virtual void finish() = 0;
};

}  // namespace sora
