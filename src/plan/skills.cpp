#include "plan/skills.h"

#include "sora/error.h"

namespace sora {

// Completes "this checkpoint cannot".
std::string_view to_string(Skill skill) {
  switch (skill) {
    case Skill::first_frame:
      return "start from given frames";
    case Skill::last_frame:
      return "end at a given frame";
    case Skill::given_frames:
      return "take frames at any place";
    case Skill::extension:
      return "go on from a clip";
    case Skill::backward_extension:
      return "make what comes before a clip";
    case Skill::connection:
      return "lead from one clip to another";
    case Skill::infill:
      return "generate a part of the picture";
    case Skill::video_to_video:
      return "change a video";
    case Skill::reference_images:
      return "take reference images";
    case Skill::windows:
      return "make a video of several windows";
    case Skill::forcing:
      return "be sampled by diffusion forcing";
  }
  fail(Fault::bug, "a skill without a name");
}

bool can(const Traits& traits, Skill skill) {
  using enum GivenSupport;
  const GivenSupport given = traits.given;
  switch (skill) {
    case Skill::first_frame:
      return given != nothing;
    case Skill::last_frame:
    case Skill::connection:
      return given != nothing && given != first_frame;
    case Skill::extension:
      return given != nothing && given != first_and_last_frame;
    case Skill::given_frames:
    case Skill::backward_extension:
      return given == latent_frames || given == pixels;
    case Skill::infill:
    case Skill::video_to_video:
      return given == pixels || traits.video_to_video;
    case Skill::reference_images:
      return given == pixels;
    case Skill::windows:
      return traits.continuation != Continuation::none;
    case Skill::forcing:
      return traits.continuation == Continuation::forcing;
  }
  fail(Fault::bug, "a skill that nobody is asked about");
}

void require_skill(const Traits& traits, Skill skill, std::string_view asked) {
  if (can(traits, skill)) return;
  const auto who = traits.who_can.find(skill);
  fail(Fault::usage, "{}: this checkpoint ({}) cannot {}{}", asked, traits.family, to_string(skill),
       who == traits.who_can.end() ? "" : "; these can: " + who->second);
}

}  // namespace sora
