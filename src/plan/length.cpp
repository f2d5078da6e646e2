#include "plan/length.h"

#include <fmt/format.h>

#include <cmath>

#include "sora/error.h"

namespace sora {

std::optional<Length> asked_length(const Request& request, const Rational& fps) {
  if (request.num_frames) return Length{*request.num_frames, fmt::format("--num-frames {}", *request.num_frames)};
  if (!request.seconds) return std::nullopt;
  const double exact = *request.seconds * fps.value();
  require(exact >= 0.5, Fault::usage, "--seconds {}: not one frame at {} fps; the shortest is {:.3f} (one frame)",
          *request.seconds, to_string(fps), 1 / fps.value());
  return Length{static_cast<int>(std::lround(exact)), fmt::format("--seconds {}", *request.seconds)};
}

int frames_for(const Request& request, const Traits& traits, const Rational& fps) {
  const std::optional<Length> asked = asked_length(request, fps);
  if (!asked) return traits.defaults.num_frames;
  const int longest = pixel_frames_of(traits.max_latent_frames, traits.compression);
  if (can(traits, Skill::windows) || asked->frames <= longest) return asked->frames;
  if (request.num_frames) fail(Fault::usage, "{}: this model makes at most {}", asked->as_written, longest);
  fail(Fault::usage, "{}: {} frames at {} fps; this model makes at most {} ({} s)", asked->as_written, asked->frames,
       to_string(fps), longest, std::floor(100 * longest / fps.value()) / 100);
}

}  // namespace sora
