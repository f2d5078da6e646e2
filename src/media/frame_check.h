// What every sink holds its caller to: the size of the frames, and their number.
#pragma once

#include "sora/frame_sink.h"
#include "sora/geometry.h"

namespace sora {

class FrameCheck {
 public:
  FrameCheck(const PixelSize& size, int frame_count) : size_(size), expected_(frame_count) {}

  /// Counts `frames`. Error{bug} if they have another size, or are more than expected.
  void accept(const Frames& frames);
  /// Error{bug} unless all expected frames have come.
  void require_complete() const;

  const PixelSize& size() const { return size_; }
  int expected() const { return expected_; }
  /// Bytes of a frame.
  std::size_t frame_bytes() const { return std::size_t{3} * size_.width * size_.height; }

 private:
  PixelSize size_;
  int expected_;
  int accepted_ = 0;
};

}  // namespace sora
