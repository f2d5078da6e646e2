// FlowMatchEulerDiscreteScheduler's scheduler_config.json.
#include "architecture/flow_match_euler.h"

#include "architecture/scheduler_config.h"

namespace sora {
namespace {

SigmaSpread read_spread(JsonObject& json) {
  refuse_true(json, "use_beta_sigmas", "beta sigmas are not supported");
  const bool karras = json.read_or("use_karras_sigmas", false);
  if (karras) refuse_true(json, "use_exponential_sigmas", "\"use_karras_sigmas\" is true too");
  if (karras) return SigmaSpread::karras;
  return json.read_or("use_exponential_sigmas", false) ? SigmaSpread::exponential : SigmaSpread::as_shifted;
}

}  // namespace

FlowMatchEulerConfig read_flow_match_euler_config(JsonObject json) {
  FlowMatchEulerConfig config;
  config.num_train_timesteps = read_train_timesteps(json, config.num_train_timesteps);
  config.shift = read_shift(json, "shift", config.shift);
  refuse_dynamic_shifting(json);
  config.shift_terminal = read_shift_terminal(json);
  config.spread = read_spread(json);
  config.invert_sigmas = json.read_or("invert_sigmas", config.invert_sigmas);
  refuse_true(json, "stochastic_sampling", "the reference then draws noise that no seed governs");
  read_choice(json, "time_shift_type", "exponential", {"exponential", "linear"});
  json.ignore({"base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len"});  // of dynamic shifting
  json.finish();
  return config;
}

}  // namespace sora
