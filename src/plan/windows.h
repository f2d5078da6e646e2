// How a video is cut into runs of latent frames that are denoised at once.
#pragma once

#include <span>
#include <vector>

#include "sora/plan.h"

namespace sora {

/// In latent frames.
struct WindowSize {
  int frames = 0;   ///< of a whole window
  int overlap = 0;  ///< that two neighbours share
};

/// From --window-frames, --overlap-frames and the checkpoint's defaults; Error{usage}. A checkpoint that makes its
/// videos in one piece has a window of all that its position tables hold.
WindowSize window_size_for(const Request& request, const Traits& traits, const Forcing& forcing);

/// A layout of windows, whose latent frames are given (known before any window) at both ends or neither.
struct WindowOrder {
  Continuation continuation = Continuation::none;
  int leading = 0, trailing = 0;  ///< latent frames that are given at the start and at the end
  bool backward = false;          ///< what comes before the trailing ones is sampled from there to the start
};

/// Windows over latent frames [0, shape.frames). Each lies within one scene but for frames that are known; tokens are
/// left to the caller.
std::vector<Window> windows_over(const LatentShape& shape, const WindowSize& size, const WindowOrder& order,
                                 std::span<const Scene> scenes);

}  // namespace sora
