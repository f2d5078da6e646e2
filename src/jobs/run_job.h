// One plan, from its prompt to a published file.
#pragma once

#include "sora/engine.h"

namespace sora {

/// See Engine::render.
JobResult run_job(const Plan& plan, const Checkpoint& checkpoint, Progress& progress);

/// See Engine::doctor.
std::vector<Finding> examine_engine();

}  // namespace sora
