// What a FlowMatchEulerDiscreteScheduler's scheduler_config.json says.
#pragma once

#include "sora/checkpoint.h"

namespace sora {

/// How the sigmas lie between the largest and the smallest of the shifted ones.
enum class SigmaSpread { as_shifted, karras, exponential };

/// The members are the config's keys, the values diffusers' class defaults for keys that are absent.
struct FlowMatchEulerConfig {
  int num_train_timesteps = 1000;
  double shift = 1;
  double shift_terminal = 0;  ///< where the smallest sigma is stretched to; 0: not stretched
  SigmaSpread spread = SigmaSpread::as_shifted;
  bool invert_sigmas = false;
};

/// Error{input} for a setting that the reference refuses or that a Wan pipeline cannot use.
FlowMatchEulerConfig read_flow_match_euler_config(JsonObject json);

}  // namespace sora
