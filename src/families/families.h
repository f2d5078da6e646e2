// One function a family: what its checkpoints can do.
#pragma once

#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// WanPipeline: Wan 2.1, 2.2 A14B (two experts), 2.2 TI2V, as text to video.
Traits wan_traits(const Checkpoint& checkpoint);

}  // namespace sora
