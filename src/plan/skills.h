// What a checkpoint cannot do, said with the checkpoints that can.
#pragma once

#include <string_view>

#include "sora/plan.h"

namespace sora {

/// Error{usage} unless can(traits, skill). `asked` is the flag with its value and begins the message.
void require_skill(const Traits& traits, Skill skill, std::string_view asked);

}  // namespace sora
