// UniPCMultistepScheduler (diffusers) for flow matching, after Zhao et al. 2023, "UniPC: A Unified Predictor-Corrector
// Framework for Fast Sampling of Diffusion Models". Every coefficient is an fp32 tensor without dimensions, as in the
// reference: plain doubles would round elsewhere, and with such tensors a bf16 prediction stays bf16.
#include <ATen/ATen.h>

#include <algorithm>
#include <deque>

#include "schedulers/schedulers.h"
#include "schedulers/sigmas.h"
#include "sora/error.h"

namespace sora {
namespace {

class UniPc final : public Scheduler {
 public:
  UniPc(const UniPcConfig& config, int steps) : config_(config), schedule_(unipc_schedule(config, steps)) {
    for (const double sigma : schedule_.sigmas) sigmas_.push_back(at::scalar_tensor(sigma, at::kFloat));
  }

  int steps() const override { return static_cast<int>(schedule_.timesteps.size()); }
  double timestep(int i) const override { return schedule_.timesteps.at(static_cast<std::size_t>(i)); }
  double sigma(int i) const override { return schedule_.sigmas.at(static_cast<std::size_t>(i)); }
  Tensor step(int i, const Tensor& prediction, const Tensor& x) override;

 private:
  const Tensor& noise(int i) const { return sigmas_.at(static_cast<std::size_t>(i)); }
  Tensor lambda(int i) const { return at::log(1 - noise(i)) - at::log(noise(i)); }
  Tensor integrate(const Tensor& x, int from, const Tensor* arrived) const;

  UniPcConfig config_;
  FlowSchedule schedule_;
  std::vector<Tensor> sigmas_;
  std::deque<Tensor> denoised_;  // the predictions of clean latents so far, newest first, at most `solver_order`
  Tensor last_sample_;           // what the last step started from, after correction
  int order_ = 0;                // of the last step's predictor
  int first_ = 0, next_ = 0;
};

// One step of the solver of `order_` from `x` at sigma(from) to sigma(from + 1). denoised_[k] belongs to sigma(from -
// k). The predictor knows no more; the corrector also has the clean latents predicted where the predictor `arrived`.
Tensor UniPc::integrate(const Tensor& x, int from, const Tensor* arrived) const {
  const Tensor& newest = denoised_.front();
  const Tensor alpha = 1 - noise(from + 1);
  const Tensor h = lambda(from + 1) - lambda(from), hh = -h;
  const Tensor phi_1 = at::expm1(hh), b_h = config_.bh2 ? phi_1 : hh;
  const Tensor base = noise(from + 1) / noise(from) * x - alpha * phi_1 * newest;
  if (order_ == 1 && arrived == nullptr) return base.to(x.scalar_type());

  std::vector<Tensor> ratios, differences;
  for (int k = 1; k < order_; ++k) {
    const Tensor ratio = (lambda(from - k) - lambda(from)) / h;
    ratios.push_back(ratio);
    differences.push_back((denoised_[static_cast<std::size_t>(k)] - newest) / ratio);
  }
  ratios.push_back(at::ones({}, at::kFloat));
  if (arrived != nullptr) differences.push_back(*arrived - newest);

  const auto unknowns = static_cast<std::int64_t>(differences.size());
  std::vector<Tensor> rho = {at::scalar_tensor(0.5, at::kFloat)};
  if (order_ > 2 || unknowns > 1) {  // the reference takes 1/2 for the smallest systems
    std::vector<Tensor> rows, right;
    Tensor phi = phi_1 / hh - 1;
    double factorial = 1;
    for (int k = 1; k <= order_; ++k) {
      rows.push_back(at::pow(at::stack(ratios), k - 1));
      right.push_back(phi * factorial / b_h);
      factorial *= k + 1;
      phi = phi / hh - 1 / factorial;
    }
    const Tensor matrix = at::stack(rows).narrow(0, 0, unknowns).narrow(1, 0, unknowns);
    rho = at::linalg_solve(matrix, at::stack(right).narrow(0, 0, unknowns)).unbind();
  }
  Tensor change = rho[0] * differences[0];
  for (std::size_t k = 1; k < differences.size(); ++k) change = change + rho[k] * differences[k];
  return (base - alpha * b_h * change).to(x.scalar_type());
}

Tensor UniPc::step(int i, const Tensor& prediction, const Tensor& x) {
  if (!last_sample_.defined()) first_ = next_ = i;
  require(i == next_ && i < steps(), Fault::bug, "UniPC: step {} out of turn: {} of {} comes next", i, next_, steps());
  const Tensor denoised = x - noise(i) * prediction;
  const auto& uncorrected = config_.disable_corrector;
  const bool correct = i > first_ && std::find(uncorrected.begin(), uncorrected.end(), i - 1) == uncorrected.end();
  last_sample_ = correct ? integrate(last_sample_, i - 1, &denoised) : x;

  denoised_.push_front(denoised);
  if (denoised_.size() > static_cast<std::size_t>(config_.solver_order)) denoised_.pop_back();
  order_ = std::min({config_.solver_order, steps() - i, i - first_ + 1});  // lower at the start and towards the end
  ++next_;
  return integrate(last_sample_, i, nullptr);
}

}  // namespace

std::unique_ptr<Scheduler> make_unipc(const UniPcConfig& config, int steps) {
  return std::make_unique<UniPc>(config, steps);
}

}  // namespace sora
