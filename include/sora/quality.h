// What a long video loses while it gets longer, measured on what was rendered.
#pragma once

#include <string>
#include <vector>

namespace sora {

/// The frames that one window has added. Shares and levels are 0..1.
struct WindowQuality {
  int first_frame = 0, frames = 0;  ///< in the output
  int scene = 0;                    ///< index in Plan::scenes
  double luma = 0, saturation = 0;  ///< means; saturation is (max - min) of a pixel's R, G and B
  double clipped = 0;               ///< share of values that are 0 or 255
  double motion = 0;                ///< mean difference of luma between neighbouring frames of the window
  double join = 0;  ///< the difference to the frame before the window, over the usual one inside windows
  double latent_mean = 0, latent_std = 0;
};

struct Quality {
  std::vector<WindowQuality> windows;
  /// What is conspicuous, and what to try; for people.
  std::vector<std::string> warnings;
};

}  // namespace sora
