// A batch in two passes: prompts are encoded and the encoders dropped, then all jobs are rendered with one loaded
// model.
#pragma once

#include "sora/engine.h"

namespace sora {

/// See Engine::render.
void run_jobs(std::span<const Plan> plans, const Checkpoint& checkpoint, JobBoard& board, Progress& progress);

}  // namespace sora
