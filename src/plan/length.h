// How long a video is to be, in frames.
#pragma once

#include <optional>
#include <string>

#include "sora/plan.h"

namespace sora {

struct Length {
  int frames = 0;
  std::string as_written;  ///< "--seconds 5"
};

/// What --num-frames or --seconds says; empty if neither is there. Error{usage} if it is not one frame.
std::optional<Length> asked_length(const Request& request, const Rational& fps);

/// That, or the checkpoint's own; Error{usage} if the checkpoint cannot make so many.
int frames_for(const Request& request, const Traits& traits, const Rational& fps);

}  // namespace sora
