// What every sink holds its caller to: the size of the frames, and their number.
#include "media/frame_check.h"

#include "sora/error.h"

namespace sora {

void FrameCheck::accept(const Frames& frames) {
  require(frames.width == size_.width && frames.height == size_.height, Fault::bug,
          "a sink for frames of {}x{} was given frames of {}x{}", size_.width, size_.height, frames.width,
          frames.height);
  require(frames.count >= 0 && frames.rgb.size() == frames.count * frame_bytes(), Fault::bug,
          "{} frames of {}x{} came in {} bytes", frames.count, size_.width, size_.height, frames.rgb.size());
  require(frames.count <= expected_ - accepted_, Fault::bug, "a sink for {} frames was given {}", expected_,
          std::int64_t{accepted_} + frames.count);
  accepted_ += frames.count;
}

void FrameCheck::require_complete() const {
  require(accepted_ == expected_, Fault::bug, "a sink for {} frames was finished after {}", expected_, accepted_);
}

}  // namespace sora
