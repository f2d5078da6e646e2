// The staircase of diffusion forcing: at which step of the scheduler each latent frame is in each call of the denoiser.
#pragma once

#include <vector>

#include "sora/plan.h"

namespace sora {

/// One call of the denoiser for a window.
struct ForcingRow {
  /// For each latent frame the scheduler's step that it is at; -1: still pure noise; the number of steps: clean.
  std::vector<int> steps;
  std::vector<bool> moves;  ///< whether the frame makes that step in this call
};

/// `frames` is a multiple of forcing.block. The first `known` frames are clean from the beginning.
std::vector<ForcingRow> forcing_rows(int frames, int scheduler_steps, const Forcing& forcing, int known);

}  // namespace sora
