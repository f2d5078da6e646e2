// Measures drift, freezing and seams while a video is rendered.
#pragma once

#include <vector>

#include "sora/plan.h"
#include "sora/quality.h"
#include "sora/tensor.h"

namespace sora {

class QualityWatch {
 public:
  explicit QualityWatch(const Plan& plan) : plan_(plan) {}
  /// The next frames that are shown of what was rendered, 8 bit [n, H, W, 3] on the host.
  void add_frames(const Tensor& rgb);
  /// `latents`: of the whole video, on the host.
  Quality result(const Tensor& latents) const;

 private:
  struct Frame {
    double luma, saturation, clipped, change;  // change: against the frame before; none for the first
  };
  WindowQuality measure(int window, const Tensor& latents) const;
  FrameRange shown_of(int window) const;

  const Plan& plan_;
  std::vector<Frame> frames_;
  Tensor last_luma_;  // [H, W]
};

/// What is conspicuous in windows, with the time at which it begins.
std::vector<std::string> warnings_of(const std::vector<WindowQuality>& windows, double fps);

}  // namespace sora
