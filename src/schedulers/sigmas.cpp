// Noise levels and timesteps of the flow-matching schedulers.
#include "schedulers/sigmas.h"

#include <cmath>

#include "sora/error.h"

namespace sora {
namespace {

constexpr double kRho = 7;  // Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models"
constexpr double kMargin = 1e-6;  // of the first sigma from 1, so that log(1 - sigma) is finite

// numpy.linspace(first, last, count), end included.
std::vector<double> linspace(double first, double last, int count) {
  std::vector<double> values(static_cast<std::size_t>(count), first);
  if (count == 1) return values;
  const double step = (last - first) / (count - 1);
  for (int i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = i * step + first;
  values.back() = last;
  return values;
}

template <class Real>
Real shifted(Real sigma, double shift) {
  return static_cast<Real>(shift) * sigma / (1 + static_cast<Real>(shift - 1) * sigma);
}

// Stretches the distances from 1 so that the last sigma becomes `terminal`.
void stretch(std::vector<double>& sigmas, double terminal) {
  if (terminal == 0) return;
  require(sigmas.size() > 1, Fault::usage,
          "1 step is too few: the checkpoint's scheduler sets \"shift_terminal\", which "
          "takes at least 2");
  const double factor = (1 - sigmas.back()) / (1 - terminal);
  for (double& sigma : sigmas) sigma = 1 - (1 - sigma) / factor;
}

std::vector<double> karras_sigmas(double min, double max, int count) {
  const double from = std::pow(max, 1 / kRho), to = std::pow(min, 1 / kRho);
  std::vector<double> sigmas = linspace(0, 1, count);
  for (double& sigma : sigmas) sigma = std::pow(from + sigma * (to - from), kRho);
  return sigmas;
}

std::vector<double> exponential_sigmas(double min, double max, int count) {
  std::vector<double> sigmas = linspace(std::log(max), std::log(min), count);
  for (double& sigma : sigmas) sigma = std::exp(sigma);
  return sigmas;
}

void round_to_fp32(std::vector<double>& values) {
  for (double& value : values) value = static_cast<float>(value);
}

std::vector<double> unipc_sigmas(const UniPcConfig& config, int steps) {
  if (config.karras) {
    std::vector<double> sigmas = karras_sigmas(config.karras->min, config.karras->max, steps);
    for (double& sigma : sigmas) sigma = sigma / (sigma + 1);
    return sigmas;
  }
  std::vector<double> sigmas = linspace(1, 1.0 / config.num_train_timesteps, steps + 1);
  sigmas.pop_back();
  for (double& sigma : sigmas) sigma = shifted(sigma, config.flow_shift);
  stretch(sigmas, config.shift_terminal);
  if (std::abs(sigmas.front() - 1) < kMargin) sigmas.front() -= kMargin;
  return sigmas;
}

}  // namespace

FlowSchedule unipc_schedule(const UniPcConfig& config, int steps) {
  require(steps >= 1, Fault::bug, "a schedule of {} steps", steps);
  FlowSchedule schedule;
  schedule.sigmas = unipc_sigmas(config, steps);
  for (const double sigma : schedule.sigmas) {
    schedule.timesteps.push_back(std::trunc(sigma * config.num_train_timesteps));
  }
  schedule.sigmas.push_back(config.ends_at_zero ? 0 : schedule.sigmas.back());
  round_to_fp32(schedule.sigmas);
  return schedule;
}

FlowSchedule flow_match_euler_schedule(const FlowMatchEulerConfig& config, int steps) {
  require(steps >= 1, Fault::bug, "a schedule of {} steps", steps);
  const int train = config.num_train_timesteps;
  // The ends come from the reference's training schedule, which is shifted, in fp32; what lies between them is then
  // shifted a second time.
  const double max = shifted(1.0F, config.shift);
  const double min = shifted(1.0F / static_cast<float>(train), config.shift);
  FlowSchedule schedule;
  std::vector<double>& sigmas = schedule.sigmas;
  sigmas = linspace(max * train, min * train, steps);
  for (double& sigma : sigmas) sigma = shifted(sigma / train, config.shift);
  stretch(sigmas, config.shift_terminal);
  switch (config.spread) {
    case SigmaSpread::as_shifted:
      break;
    case SigmaSpread::karras:
      sigmas = karras_sigmas(sigmas.back(), sigmas.front(), steps);
      break;
    case SigmaSpread::exponential:
      sigmas = exponential_sigmas(sigmas.back(), sigmas.front(), steps);
      break;
  }
  round_to_fp32(sigmas);
  if (config.invert_sigmas) {
    for (double& sigma : sigmas) sigma = 1 - static_cast<float>(sigma);
  }
  for (const double sigma : sigmas) {
    schedule.timesteps.push_back(static_cast<float>(sigma) * static_cast<float>(train));
  }
  sigmas.push_back(config.invert_sigmas ? 1 : 0);
  return schedule;
}

}  // namespace sora
