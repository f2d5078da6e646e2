// One function a family: what its checkpoints can do.
#pragma once

#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// Wan 2.1, 2.2 A14B (two experts) and 2.2 TI2V: text, image and video to video.
Traits wan_traits(const Checkpoint& checkpoint);
/// Wan 2.1 VACE: pixels of any frames, masks and reference images.
Traits wan_vace_traits(const Checkpoint& checkpoint);
/// SkyReels-V2: text to video, image to video, and diffusion forcing.
Traits skyreels_v2_traits(const Checkpoint& checkpoint);
Traits skyreels_v2_image_traits(const Checkpoint& checkpoint);
Traits skyreels_v2_forcing_traits(const Checkpoint& checkpoint);

}  // namespace sora
