// Frames on their way out.
#pragma once

#include <cstdint>
#include <span>

namespace sora {

/// `count` frames of 8-bit RGB, [count, height, width, 3], in host memory that belongs to the caller.
struct Frames {
  int count = 0, height = 0, width = 0;
  std::span<const std::uint8_t> rgb;
};

/// Where frames go. A sink that is destroyed before finish() leaves nothing under the output's final name.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void write(const Frames& frames) = 0;
  /// Everything is on disk under its final name when this returns.
  virtual void finish() = 0;
};

}  // namespace sora
