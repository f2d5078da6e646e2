// What the engine finds of its own libraries, for `sora-gen doctor`.
#pragma once

#include "sora/engine.h"

namespace sora {

/// See Engine::doctor.
std::vector<Finding> examine_engine();

}  // namespace sora
