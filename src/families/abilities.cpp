#include "families/abilities.h"

#include <array>
#include <string>

namespace sora {
namespace {

constexpr std::array kAll{kWanTextToVideo,      kWanImageToVideo,      kWanFirstAndLast,
                          kWanTwoExpertImage,   kWanCleanFrames,       kWanVace,
                          kSkyReelsTextToVideo, kSkyReelsImageToVideo, kSkyReelsForcing};

void set(const Abilities& abilities, Traits& traits) {
  traits.given = abilities.given;
  traits.video_to_video = abilities.video_to_video;
  traits.continuation = abilities.continuation;
}

std::string who_can(Skill skill) {
  std::string names;
  for (const Abilities& abilities : kAll) {
    Traits traits;
    set(abilities, traits);
    if (can(traits, skill)) names += (names.empty() ? "" : ", ") + std::string(abilities.name);
  }
  return names;
}

}  // namespace

void grant(const Abilities& abilities, Traits& traits) {
  set(abilities, traits);
  for (const Skill skill : kSkills) traits.who_can[skill] = who_can(skill);
}

}  // namespace sora
