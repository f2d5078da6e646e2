// Requests, traits and media for tests of the planner.
#pragma once

#include <string>

#include "sora/error.h"
#include "sora/plan.h"
#include "support/errors.h"

namespace sora::test {

// A checkpoint of 4x time and 16x space compression, with windows of 33 frames (9 latent frames) that share 5 (2).
inline Traits traits_of(GivenSupport given, Continuation continuation, bool video_to_video = true) {
  Traits traits;
  traits.family = "Test";
  traits.compression = {4, 16};
  traits.latent_channels = 48;
  traits.max_latent_frames = 64;
  traits.max_latent_side = 64;
  traits.given = given;
  traits.continuation = continuation;
  traits.video_to_video = video_to_video;
  traits.defaults = {.size = {128, 128},
                     .num_frames = 33,
                     .fps = {8, 1},
                     .steps = 10,
                     .guidance_scale = 4,
                     .guidance_scale_2 = std::nullopt,
                     .negative_prompt = "",
                     .window_frames = 33,
                     .overlap_frames = 5};
  return traits;
}
inline Traits clean_frames() { return traits_of(GivenSupport::latent_frames, Continuation::clean_prefix); }
inline Traits text_only() { return traits_of(GivenSupport::nothing, Continuation::blended); }
inline Traits first_frame() { return traits_of(GivenSupport::first_frame, Continuation::none, false); }
inline Traits first_maybe_last() { return traits_of(GivenSupport::first_frame_maybe_last, Continuation::none, false); }
inline Traits first_and_last() { return traits_of(GivenSupport::first_and_last_frame, Continuation::none, false); }
inline Traits pixels() { return traits_of(GivenSupport::pixels, Continuation::blended, false); }
inline Traits forcing() {
  Traits traits = traits_of(GivenSupport::leading_frames_maybe_last, Continuation::forcing, false);
  traits.forcing = {.block = 1, .ar_step = 0, .addnoise = 20};
  return traits;
}

inline Request a_cat() {
  Request request;
  request.prompt = "a cat";
  return request;
}

// *.png is an image of 300x200; *.mp4 a clip of 128x128 at 8 fps, as long as the number in its name says (33 if none).
inline MediaInfo probe(const std::filesystem::path& media) {
  if (media.extension() == ".png") return {.image = true, .size = {300, 200}, .fps = {0, 1}, .frames = 1};
  const std::string name = media.stem().string();
  const std::size_t digits = name.find_first_of("0123456789");
  MediaInfo info{.image = false, .size = {128, 128}, .fps = {8, 1}, .frames = 33};
  if (digits != name.npos) info.frames = std::stoi(name.substr(digits));
  if (name.rfind("wide", 0) == 0) info.size = {256, 128};
  if (name.rfind("odd", 0) == 0) info.size = {130, 128};
  if (name.rfind("fast", 0) == 0) info.fps = {16, 1};
  return info;
}

inline Plan plan(const Request& request, const Traits& traits) { return make_plan(request, traits, {}, 42, probe); }

inline std::string refusal(const Request& request, const Traits& traits) {
  return error_of(Fault::usage, [&] { plan(request, traits); });
}

}  // namespace sora::test
