// The user's pictures and clips as the tensors that a render asks for.
#pragma once

#include "sora/plan.h"
#include "sora/render.h"

namespace sora {

/// Reads and fits what the plan names.
PixelReader make_pixel_reader(const Plan& plan);

}  // namespace sora
