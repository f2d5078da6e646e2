// Which latent frames the given pixel frames fill.
#pragma once

#include "sora/plan.h"

namespace sora {

/// Sorts plan.given and fills in the latent frames of each span. Error{usage} if two of them share frames, if nothing
/// is left to generate, or if known frames are no whole blocks of diffusion forcing. `needed_frames` are those that the
/// timeline asked for: plan.rendered_frames before it was rounded up.
void place_spans(Plan& plan, const Traits& traits, int needed_frames, int block);

}  // namespace sora
