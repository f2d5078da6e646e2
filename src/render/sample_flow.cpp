#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/interrupt.h"
#include "render/guidance.h"
#include "render/sample.h"
#include "sora/error.h"

namespace sora {
namespace {

/// The denoiser over windows of the same latents [1, C, references + T, H, W]; reference images are part of each.
class WindowedDenoiser {
 public:
  explicit WindowedDenoiser(const SampleArgs& args) : args_(args) {
    for (const Window& window : args.windows) {
      frames_.push_back(frames_of(window));
      if (!denoisers_.contains(key_of(window))) bind(window);
    }
    if (args.windows.size() > 1) weights_ = blend_weights();
  }

  Tensor predict(const Tensor& latents, const Tensor& timesteps, double timestep) const {
    const std::span<const Window> windows = args_.windows;
    if (windows.size() == 1) return denoisers_.at(key_of(windows[0])).predict(latents, timesteps, timestep);
    Tensor sum;
    for (std::size_t i = 0; i < windows.size(); ++i) {
      check_interrupted();
      const Tensor own = latents.index_select(2, frames_[i]), times = timesteps.index_select(0, frames_[i].cpu());
      const Tensor predicted = denoisers_.at(key_of(windows[i])).predict(own, times, timestep).to(at::kFloat);
      if (!sum.defined()) {
        std::vector<std::int64_t> sizes = predicted.sizes().vec();
        sizes[2] = latents.size(2);
        sum = at::zeros(sizes, predicted.options());
      }
      sum.index_add_(2, frames_[i], predicted * weights_[i].view({1, 1, -1, 1, 1}));
    }
    return sum;
  }

 private:
  // A window with a control sees its own part of it; others share what is bound to their prompt.
  std::pair<int, int> key_of(const Window& window) const {
    return {window.scene, args_.conditions.control.defined() ? window.first : 0};
  }

  // Indices into the latents, on the device: the reference images and the window.
  Tensor frames_of(const Window& window) const {
    const int references = args_.conditions.references, first = window.first - args_.windows.front().first;
    const Tensor own = at::arange(references + first, references + first + window.shape.frames);
    return at::cat({at::arange(references), own}).to(args_.device);
  }

  void bind(const Window& window) {
    Context positive = args_.contexts.scenes.at(static_cast<std::size_t>(window.scene));
    Context negative = args_.contexts.negative;
    if (args_.conditions.control.defined()) {
      positive.control = args_.conditions.control.to(args_.device).index_select(2, frames_of(window));
      negative.control = positive.control;
    }
    denoisers_.try_emplace(key_of(window), *args_.model.denoiser, args_.plan.guidance, positive, negative);
  }

  // For each window [references + T], growing linearly over what it shares with the window before and falling likewise
  // at its end. In every frame, the weights of all windows have the sum 1.
  std::vector<Tensor> blend_weights() const {
    const auto windows = args_.windows;
    const int begin = windows.front().first;
    std::vector<Tensor> weights;
    Tensor sum = at::zeros({windows.back().end() - begin}, at::kFloat);
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const Window& window = windows[i];
      const int frames = window.shape.frames;
      const int before = i == 0 ? 0 : std::max(0, windows[i - 1].end() - window.first);
      const int after = i + 1 == windows.size() ? 0 : std::max(0, window.end() - windows[i + 1].first);
      std::vector<float> values;
      for (int t = 0; t < frames; ++t) {
        const float rising = before == 0 ? 1.0F : (static_cast<float>(t) + 0.5F) / static_cast<float>(before);
        const float falling = after == 0 ? 1.0F : (static_cast<float>(frames - t) - 0.5F) / static_cast<float>(after);
        values.push_back(std::min({1.0F, rising, falling}));
      }
      weights.push_back(at::tensor(values));
      sum.narrow(0, window.first - begin, frames).add_(weights.back());
    }
    const Tensor references = at::full({args_.conditions.references}, 1.0 / static_cast<double>(windows.size()));
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const Tensor own = weights[i] / sum.narrow(0, windows[i].first - begin, windows[i].shape.frames);
      weights[i] = at::cat({references, own}).to(args_.device);
    }
    return weights;
  }

  const SampleArgs& args_;
  std::map<std::pair<int, int>, GuidedDenoiser> denoisers_;  // by key_of
  std::vector<Tensor> frames_, weights_;                     // of each window
};

// (1 - sigma) · clean + sigma · noise, with sigma a tensor without dimensions as in the reference.
Tensor add_noise(const Tensor& clean, const Tensor& noise, double sigma) {
  const Tensor share = at::scalar_tensor(sigma, at::kFloat);
  return (1 - share) * clean + share * noise;
}

}  // namespace

void finish_step(const SampleArgs& args, const Tensor& latents, double timestep) {
  ++args.steps.done;
  // A broken or mis-scaled checkpoint shows here first. Without this check its end is a black video.
  require(at::isfinite(latents).all().item<bool>(), Fault::input,
          "latents are not finite after step {} of {} (timestep {}): the checkpoint's weights are damaged or do not "
          "fit its config; try --dtype fp32 to rule out an overflow",
          args.steps.done, args.steps.total, timestep);
  args.progress.update(Stage::sample, args.steps.done, args.steps.total);
}

Tensor sample_flow(const SampleArgs& args) {
  const Conditions& given = args.conditions;
  const auto on_device = [&](const Tensor& tensor) { return tensor.defined() ? tensor.to(args.device) : tensor; };
  const Tensor clean = on_device(given.clean), channels = on_device(given.channels), stays = on_device(given.stays);
  const Tensor known = given.known.defined() ? on_device(given.known).view({1, 1, -1, 1, 1}) : Tensor();

  LatentShape shape = args.windows.front().shape;
  shape.frames = given.references + args.windows.back().end() - args.windows.front().first;
  const std::unique_ptr<Scheduler> scheduler = args.model.make_scheduler(args.plan.steps);
  const WindowedDenoiser denoiser(args);
  const Tensor noise = args.rng.normal(shape.sizes()).to(args.device);  // [1, C, T, H, W]
  const int first = args.plan.steps - steps_made(args.plan);            // with a given video, the noisiest are left out
  Tensor latents =
      args.plan.sampling.given == GivenUse::noised ? add_noise(clean, noise, scheduler->sigma(first)) : noise;
  for (int i = first; i < scheduler->steps(); ++i) {
    check_interrupted();
    const double timestep = scheduler->timestep(i);
    Tensor timesteps = at::full({shape.frames}, timestep, at::kFloat);
    Tensor input = latents;
    if (known.defined()) {
      timesteps.masked_fill_(given.known, 0);
      input = at::where(known, clean, latents);
    }
    if (channels.defined()) input = at::cat({input, channels}, 1);
    latents = scheduler->step(i, denoiser.predict(input, timesteps, timestep), latents);
    if (stays.defined()) latents = at::where(stays, add_noise(clean, noise, scheduler->sigma(i + 1)), latents);
    finish_step(args, latents, timestep);
  }
  if (known.defined()) latents = at::where(known, clean, latents);
  return latents.narrow(2, given.references, shape.frames - given.references);
}

}  // namespace sora
