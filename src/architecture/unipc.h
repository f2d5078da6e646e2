// What a UniPCMultistepScheduler's scheduler_config.json says, for flow matching.
#pragma once

#include <optional>
#include <vector>

#include "sora/checkpoint.h"

namespace sora {

/// The range of Karras sigmas, as ratios of noise to data.
struct SigmaRange {
  double min = 0, max = 0;
};

/// The members are the config's keys, the values diffusers' class defaults for keys that are absent.
struct UniPcConfig {
  int num_train_timesteps = 1000;
  int solver_order = 2;
  bool bh2 = true;  ///< solver_type: bh2, else bh1
  double flow_shift = 1;
  std::vector<int> disable_corrector;  ///< steps after which the next one is not corrected
  double shift_terminal = 0;           ///< where the last sigma of a step is stretched to; 0: not stretched
  bool ends_at_zero = true;            ///< final_sigmas_type: zero, else sigma_min (the last step changes nothing)
  std::optional<SigmaRange> karras;    ///< use_karras_sigmas; flow_shift and shift_terminal are then without effect
};

/// Error{input} for a setting that the reference refuses, that leads it to NaN, or that is not for flow matching.
UniPcConfig read_unipc_config(JsonObject json);

}  // namespace sora
