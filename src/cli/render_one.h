// One video whose failure is the program's.
#pragma once

#include "sora/engine.h"

namespace sora {

JobResult render_one(const Plan& plan, const Checkpoint& checkpoint, Progress& progress);

}  // namespace sora
