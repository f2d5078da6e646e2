// --fit: a plan that needs no more memory than there is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sora/plan.h"

namespace sora {

struct FittedPlan {
  Plan plan;
  std::vector<std::string> flags;  ///< that make this plan without --fit, e.g. "--offload-blocks"
};

/// The plan, whose denoiser leaves the memory before the decoding that would not fit into `free_bytes` beside it. In a
/// batch it is then loaded for each video.
Plan with_room_to_decode(const Plan& plan, const Traits& traits, std::int64_t free_bytes);

/// Lowers what `plan` needs, by one means after the other, until it is no more than `free_bytes`: room is made to
/// decode, the blocks of the denoiser are off-loaded, then the VAE works in tiles of half the size again and again.
/// What would not lower a stage that needs too much is left alone. (Of two experts only one is in memory in any plan.)
/// Pictures are those of `plan` but for the blended edges of tiles. Throws Error{memory} if nothing makes it fit, with
/// the least that can be reached.
FittedPlan fit_memory(const Plan& plan, const Traits& traits, std::int64_t free_bytes);

}  // namespace sora
