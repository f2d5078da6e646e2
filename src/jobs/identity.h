// What a video's latents depend on, as text: where it is the same, latents are.
#pragma once

#include <string>

#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// The plan as far as it decides the latents, and the files of the checkpoint and of the given media by path, size and
/// time of change.
std::string identity_of(const Plan& plan, const Checkpoint& checkpoint);

}  // namespace sora
