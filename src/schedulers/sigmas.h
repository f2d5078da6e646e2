// Noise levels and timesteps of the flow-matching schedulers as pure functions; numpy's arithmetic, step by step.
#pragma once

#include <vector>

#include "architecture/flow_match_euler.h"
#include "architecture/unipc.h"

namespace sora {

/// sigmas: one a step and the one after the last step, values that fp32 holds exactly. timesteps: one a step, as the
/// denoiser gets them.
struct FlowSchedule {
  std::vector<double> sigmas, timesteps;
};

/// UniPCMultistepScheduler.set_timesteps: whole timesteps. Error{usage} if the config cannot be had in so few steps.
FlowSchedule unipc_schedule(const UniPcConfig& config, int steps);
/// FlowMatchEulerDiscreteScheduler.set_timesteps: fp32 timesteps.
FlowSchedule flow_match_euler_schedule(const FlowMatchEulerConfig& config, int steps);

}  // namespace sora
