// UniPCMultistepScheduler's scheduler_config.json. Most of its keys are for image models with a noise schedule of
// betas.
#include "architecture/unipc.h"

#include <algorithm>
#include <cmath>

#include "architecture/scheduler_config.h"

namespace sora {
namespace {

// With more than this the reference's equations become singular in fp32 at usual numbers of steps.
constexpr int kMaxSolverOrder = 6;
constexpr double kPi = 3.141592653589793;

// The noise schedule, whose ends give the range of Karras sigmas. In fp32, as the reference's: 1 - beta has few digits.
std::vector<float> read_betas(JsonObject& json, int timesteps) {
  const double start = json.read_or("beta_start", 0.0001), end = json.read_or("beta_end", 0.02);
  const auto trained = json.read_optional<std::vector<double>>("trained_betas");
  const auto schedule = read_choice(json, "beta_schedule", "linear", {"linear", "scaled_linear", "squaredcos_cap_v2"});
  if (trained) return {trained->begin(), trained->end()};
  const auto ramp = [timesteps](double from, double to, int i) {
    return static_cast<float>(from + (to - from) * i / (timesteps - 1));
  };
  const auto alpha_bar = [timesteps](int i) {
    return std::pow(std::cos((static_cast<double>(i) / timesteps + 0.008) / 1.008 * kPi / 2), 2);
  };
  std::vector<float> betas;
  for (int i = 0; i < timesteps; ++i) {
    const float root = ramp(std::sqrt(start), std::sqrt(end), i);
    if (schedule == "linear")
      betas.push_back(ramp(start, end, i));
    else if (schedule == "scaled_linear")
      betas.push_back(root * root);
    else
      betas.push_back(static_cast<float>(std::min(1 - alpha_bar(i + 1) / alpha_bar(i), 0.999)));
  }
  return betas;
}

// sqrt((1 - ᾱ) / ᾱ) at the first and the last timestep.
SigmaRange range_of(const std::vector<float>& betas, bool zero_snr) {
  if (betas.empty()) return {};
  double product = 1;
  for (const float beta : betas) product *= 1 - beta;
  float first = 1 - betas.front(), last = static_cast<float>(product);
  if (zero_snr) {  // moves the square roots of all ᾱ so that the last is 0, for which the reference then puts 2^-24
    const float root = std::sqrt(first), last_root = std::sqrt(last);
    const float moved = (root - last_root) * (root / (root - last_root));
    first = 1 - (1 - moved * moved);
    last = std::ldexp(1.0F, -24);
  }
  return {std::sqrt((1 - first) / first), std::sqrt((1 - last) / last)};
}

std::optional<SigmaRange> read_karras(JsonObject& json, int timesteps) {
  const std::vector<float> betas = read_betas(json, timesteps);
  const bool zero_snr = json.read_or("rescale_betas_zero_snr", false);
  const auto min = json.read_optional<double>("sigma_min"), max = json.read_optional<double>("sigma_max");
  if (!json.read_or("use_karras_sigmas", false)) return std::nullopt;
  const SigmaRange by_betas = range_of(betas, zero_snr);
  const SigmaRange range = {min.value_or(by_betas.min), max.value_or(by_betas.max)};
  if (!(range.min > 0 && range.max > range.min && std::isfinite(range.max))) {
    json.fail_at("use_karras_sigmas",
                 fmt::format("needs sigmas with 0 < min < max, found {} and {} from \"sigma_min\" and "
                             "\"sigma_max\" or, where they are null, from the betas",
                             range.min, range.max));
  }
  return range;
}

void read_solver(JsonObject& json, UniPcConfig& config) {
  config.solver_order = json.read_or("solver_order", config.solver_order);
  if (config.solver_order < 1 || config.solver_order > kMaxSolverOrder) {
    json.fail_at("solver_order", fmt::format("expected 1 to {}, found {}", kMaxSolverOrder, config.solver_order));
  }
  config.ends_at_zero = read_choice(json, "final_sigmas_type", "zero", {"zero", "sigma_min"}) == "zero";
  // The last three are names of other schedulers' solvers, which the reference takes for bh2.
  config.bh2 = read_choice(json, "solver_type", "bh2", {"bh2", "bh1", "midpoint", "heun", "logrho"}) != "bh1";
  if (!config.bh2 && config.ends_at_zero) {
    json.fail_at("solver_type",
                 "is \"bh1\", which makes the last step NaN when the last sigma is 0; expected \"bh2\", or "
                 "\"sigma_min\" as \"final_sigmas_type\"");
  }
  if (!json.read_or("lower_order_final", true) && config.solver_order > 1) {
    json.fail_at("lower_order_final",
                 "is false, which divides by zero in the last step; expected true, or 1 as "
                 "\"solver_order\"");
  }
  config.disable_corrector = json.read_or("disable_corrector", config.disable_corrector);
}

// Settings that have one value in flow matching, and those that then have no effect.
void check_flow(JsonObject& json) {
  read_choice(json, "prediction_type", "epsilon", {"flow_prediction"});
  if (!json.read_or("use_flow_sigmas", false)) json.fail_at("use_flow_sigmas", "is false or missing; expected true");
  if (!json.read_or("predict_x0", true)) {
    json.fail_at("predict_x0", "is false, which the reference does not define for \"flow_prediction\"; expected true");
  }
  refuse_dynamic_shifting(json);
  refuse_true(json, "thresholding", "it clamps pixels, not latents");
  refuse_true(json, "use_exponential_sigmas", "it gives flow matching sigmas above 1");
  refuse_true(json, "use_beta_sigmas", "it gives flow matching sigmas above 1");
  json.expect("solver_p", nullptr);
  read_choice(json, "timestep_spacing", "linspace", {"linspace", "leading", "trailing"});
  json.ignore({"dynamic_thresholding_ratio", "sample_max_value", "steps_offset", "time_shift_type"});
}

}  // namespace

UniPcConfig read_unipc_config(JsonObject json) {
  UniPcConfig config;
  check_flow(json);
  config.num_train_timesteps = read_train_timesteps(json, config.num_train_timesteps);
  config.flow_shift = read_shift(json, "flow_shift", config.flow_shift);
  config.shift_terminal = read_shift_terminal(json);
  read_solver(json, config);
  config.karras = read_karras(json, config.num_train_timesteps);
  json.finish();
  return config;
}

}  // namespace sora
