#include <ATen/ATen.h>

#include "base/interrupt.h"
#include "render/guidance.h"
#include "render/sample.h"
#include "sora/error.h"

namespace sora {

Tensor sample_flow(const SampleArgs& args) {
  const std::unique_ptr<Scheduler> scheduler = args.model.make_scheduler(args.plan.steps);
  const GuidedDenoiser denoiser(*args.model.denoiser, args.plan.guidance, args.positive, args.negative);
  Tensor latents = args.rng.normal(args.window.shape.sizes()).to(args.device);  // [1, C, T, H, W]
  args.progress.update(Stage::sample, 0, scheduler->steps());
  for (int i = 0; i < scheduler->steps(); ++i) {
    check_interrupted();
    const Tensor velocity = denoiser.predict(latents, scheduler->timestep(i));
    latents = scheduler->step(i, velocity, latents);
    // A broken or mis-scaled checkpoint shows here first. Without this check its end is a black video.
    require(at::isfinite(latents).all().item<bool>(), Fault::input,
            "latents are not finite after step {} of {} (timestep {}): the checkpoint's weights are damaged or do not "
            "fit its "
            "config; try --dtype fp32 to rule out an overflow",
            i + 1, scheduler->steps(), scheduler->timestep(i));
    args.progress.update(Stage::sample, i + 1, scheduler->steps());
  }
  return latents;
}

}  // namespace sora
