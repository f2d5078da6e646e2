// FlowMatchEulerDiscreteScheduler (diffusers): Euler's method on the velocity field.
#include <ATen/ATen.h>

#include "schedulers/schedulers.h"
#include "schedulers/sigmas.h"

namespace sora {
namespace {

class FlowMatchEuler final : public Scheduler {
 public:
  FlowMatchEuler(const FlowMatchEulerConfig& config, int steps) : schedule_(flow_match_euler_schedule(config, steps)) {}

  int steps() const override { return static_cast<int>(schedule_.timesteps.size()); }
  double timestep(int i) const override { return schedule_.timesteps.at(static_cast<std::size_t>(i)); }

  double sigma(int i) const override { return schedule_.sigmas.at(static_cast<std::size_t>(i)); }

  // The result has the prediction's dtype, as the reference's: with a bf16 denoiser the latents become bf16.
  Tensor step(int i, const Tensor& prediction, const Tensor& x) override {
    // A tensor without dimensions, in front: with a bf16 prediction, another form of the product rounds otherwise.
    const Tensor dt = noise(i + 1) - noise(i);
    return (x.to(at::kFloat) + dt * prediction).to(prediction.scalar_type());
  }

 private:
  Tensor noise(int i) const { return at::scalar_tensor(sigma(i), at::kFloat); }

  FlowSchedule schedule_;
};

}  // namespace

std::unique_ptr<Scheduler> make_flow_match_euler(const FlowMatchEulerConfig& config, int steps) {
  return std::make_unique<FlowMatchEuler>(config, steps);
}

}  // namespace sora
