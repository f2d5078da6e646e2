// The schedulers as factory functions; each is one file of this folder.
#pragma once

#include <memory>

#include "architecture/flow_match_euler.h"
#include "architecture/unipc.h"
#include "sora/model.h"

namespace sora {

/// UniPCMultistepScheduler with flow sigmas.
std::unique_ptr<Scheduler> make_unipc(const UniPcConfig& config, int steps);
/// FlowMatchEulerDiscreteScheduler.
std::unique_ptr<Scheduler> make_flow_match_euler(const FlowMatchEulerConfig& config, int steps);

}  // namespace sora
