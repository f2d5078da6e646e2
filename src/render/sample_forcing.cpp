// Diffusion forcing after SkyReels-V2: the frames of a window lie on a staircase of timesteps.
#include <ATen/ATen.h>

#include <algorithm>

#include "base/interrupt.h"
#include "render/forcing_schedule.h"
#include "render/guidance.h"
#include "render/sample.h"
#include "sora/error.h"

namespace sora {
namespace {

double timestep_of(int step, const Scheduler& scheduler, const Forcing& forcing) {
  if (step < 0) return forcing.noisiest;
  return step < scheduler.steps() ? scheduler.timestep(step) : 0;
}

}  // namespace

int forcing_steps(const Plan& plan, const Window& window, int known, const Scheduler& scheduler) {
  return static_cast<int>(
      forcing_rows(window.shape.frames, scheduler.steps(), plan.sampling.forcing.value(), known).size());
}

Tensor sample_forcing(const SampleArgs& args) {
  const Conditions& given = args.conditions;
  const Window& window = args.windows.front();
  const Forcing& forcing = args.plan.sampling.forcing.value();
  const int frames = window.shape.frames, known = leading_known(given.known);
  std::vector<std::unique_ptr<Scheduler>> schedulers;  // one a frame: each has a history of its own
  for (int t = 0; t < frames; ++t) schedulers.push_back(args.model.make_scheduler(args.plan.steps));
  const GuidedDenoiser denoiser(*args.model.denoiser, args.plan.guidance,
                                args.contexts.scenes.at(static_cast<std::size_t>(window.scene)),
                                args.contexts.negative);
  Tensor latents = args.rng.normal(window.shape.sizes()).to(args.device);
  if (known > 0) latents.narrow(2, 0, known).copy_(given.clean.narrow(2, 0, known));
  const Tensor after = given.after.defined() ? given.after.to(args.device) : Tensor();

  for (const ForcingRow& row : forcing_rows(frames, schedulers[0]->steps(), forcing, known)) {
    check_interrupted();
    Tensor input = latents.clone();
    std::vector<float> timesteps;
    double noisiest = 0;
    for (const int step : row.steps) {
      const double timestep = timestep_of(step, *schedulers[0], forcing);
      timesteps.push_back(static_cast<float>(timestep));
      noisiest = std::max(noisiest, timestep);
    }
    if (forcing.addnoise > 0 && known > 0) {
      // A little noise on what is known, and a timestep that says so, keeps errors from adding up over windows.
      const double share = 0.001 * forcing.addnoise;
      const Tensor head = input.narrow(2, 0, known);
      head.copy_(head * (1 - share) + args.condition_rng.normal(head.sizes()).to(args.device) * share);
      std::fill_n(timesteps.begin(), known, std::trunc(static_cast<float>(forcing.addnoise)));
    }
    if (after.defined()) {
      input = at::cat({input, after}, 2);
      timesteps.push_back(0);
    }
    const Tensor velocity = denoiser.predict(input, at::tensor(timesteps), noisiest);
    for (int t = 0; t < frames; ++t) {
      if (!row.moves[static_cast<std::size_t>(t)]) continue;
      // Not a copy: as in the reference (and in SkyReels' own code), the scheduler keeps a view of the latents, so that
      // UniPC's second step is corrected from where the first one arrived and not from where it began.
      const Tensor frame = latents.narrow(2, t, 1);
      frame.copy_(schedulers[static_cast<std::size_t>(t)]->step(row.steps[static_cast<std::size_t>(t)],
                                                                velocity.narrow(2, t, 1), frame));
    }
    finish_step(args, latents, noisiest);
  }
  return latents;
}

}  // namespace sora
