// What is given and what is made: the media that the user names, laid out in time.
#pragma once

#include <optional>
#include <vector>

#include "plan/windows.h"
#include "sora/plan.h"

namespace sora {

/// The part of a Plan that images and clips decide.
struct Timeline {
  PixelSize size;
  Rational fps;
  int needed_frames = 0;  ///< that the model must render at least; Plan::rendered_frames rounds them up
  FrameRange shown;
  std::vector<GivenSpan> given;  ///< GivenSpan::latents are left open
  std::optional<ClipPart> before, after;
  std::optional<Mask> mask;
  GivenUse use = GivenUse::none;
};

/// Throws Error{usage}, or what the probe throws.
Timeline make_timeline(const Request& request, const Traits& traits, const WindowSize& window, const MediaProbe& probe);

}  // namespace sora
