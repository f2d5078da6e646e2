// The main path: windows are sampled one after the other, and decoded into the sink as soon as nothing of them can
// change.
#include "sora/render.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "base/machine.h"
#include "render/conditions.h"
#include "render/decoding.h"
#include "render/rng.h"
#include "render/sample.h"
#include "render/saved_latents.h"
#include "sora/error.h"

namespace sora {
namespace {

// Noise on known frames has a sequence of its own, so that it does not change what everything else is drawn from.
constexpr std::uint64_t kConditionSeed = 0x9e3779b97f4a7c15;

/// The video's latents on the host, and which latent frames have their final values.
struct LatentVideo {
  Tensor latents;  // fp32 [1, C, T, H, W]
  Tensor known;    // bool [T]

  explicit LatentVideo(const LatentShape& shape)
      : latents(at::zeros(shape.sizes(), at::kFloat)), known(at::zeros({shape.frames}, at::kBool)) {}
};

// What a window starts from: what the user gave in its range, and what windows before it have left at its ends.
Conditions conditions_of(const Window& window, const Conditions& given, const LatentVideo& video) {
  const int first = window.first, frames = window.shape.frames;
  const auto cut = [&](const Tensor& tensor, std::int64_t dim) {
    return tensor.defined() ? tensor.narrow(dim, first, frames).clone() : tensor;
  };
  Conditions conditions;
  conditions.clean = cut(given.clean, 2);
  conditions.known = cut(given.known, 0);
  conditions.channels = cut(given.channels, 2);
  conditions.stays = cut(given.stays, 2);
  conditions.references = given.references;
  conditions.control = given.control;
  if (window.end() == video.known.size(0)) conditions.after = given.after;
  if (window.context == 0 && window.context_after == 0) return conditions;

  if (!conditions.known.defined()) {
    conditions.clean = at::zeros(window.shape.sizes(), at::kFloat);
    conditions.known = at::zeros({frames}, at::kBool);
  }
  const auto take = [&](int from, int count) {
    conditions.clean.narrow(2, from, count).copy_(video.latents.narrow(2, first + from, count));
    conditions.known.narrow(0, from, count).fill_(true);
  };
  take(0, window.context);
  take(frames - window.context_after, window.context_after);
  return conditions;
}

class Renderer {
 public:
  Renderer(const Plan& plan, Contexts contexts, Model& model, PixelReader& read, SavedLatents& saved,
           Progress& progress)
      : plan_(plan),
        contexts_(std::move(contexts)),
        model_(model),
        saved_(saved),
        progress_(progress),
        device_(model.device),
        rng_(plan.seed),
        condition_rng_(plan.seed ^ kConditionSeed),
        given_(make_conditions(plan, *model.vae, read, device_)),
        video_(plan.latent),
        groups_(window_groups(plan)) {
    if (given_.known.defined()) {
      video_.latents.copy_(given_.clean);
      video_.known.copy_(given_.known);
    }
    for (const std::span<const Window> group : groups_) steps_.total += steps_of(group);
  }

  /// Calls ready(latents, piece) with the next latents that will not change any more, in order, on the host.
  template <class Ready>
  void run(const Ready& ready) {
    progress_.update(Stage::sample, 0, steps_.total);
    int passed_on = 0;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      sample(static_cast<int>(i));
      if (i + 1 == groups_.size() && plan_.unload_denoiser) {
        model_.denoiser.reset();
        return_free_memory();
      }
      const int end = leading_known(video_.known);
      if (end == passed_on) continue;
      const Tensor latents = video_.latents.narrow(2, passed_on, end - passed_on);
      ready(latents, end == plan_.latent.frames ? Piece::last : Piece::more_follow);
      passed_on = end;
    }
  }

  const Tensor& latents() const { return video_.latents; }

 private:
  bool forces() const { return plan_.sampling.continuation == Continuation::forcing; }

  int steps_of(std::span<const Window> group) const {
    if (!forces()) return steps_made(plan_);
    const int known = leading_known(conditions_of(group.front(), given_, video_).known);
    return forcing_steps(plan_, group.front(), known, *model_.make_scheduler(plan_.steps));
  }

  // Samples a group of windows, or takes what was saved of it.
  void sample(int group) {
    const std::span<const Window> windows = groups_[static_cast<std::size_t>(group)];
    if (const auto saved = saved_.load(group)) {
      rng_.set_state(saved->rng);
      condition_rng_.set_state(saved->condition_rng);
      steps_.done += steps_of(windows);
      keep(windows, saved->latents);
      return;
    }
    const Conditions conditions = conditions_of(whole(windows), given_, video_);
    const SampleArgs args{plan_,   windows, conditions,     contexts_, model_,
                          device_, rng_,    condition_rng_, steps_,    progress_};
    const Tensor latents = (forces() ? sample_forcing(args) : sample_flow(args)).to(at::kCPU, at::kFloat);
    save(group, latents);
    keep(windows, latents);
  }

  void save(int group, const Tensor& latents) {
    try {
      saved_.save(group, {latents, rng_.state(), condition_rng_.state()});
    } catch (const Error& error) {
      progress_.note(fmt::format("latents are not kept, so that this render cannot be resumed: {}", error.what()));
    }
  }

  void keep(std::span<const Window> windows, const Tensor& latents) {
    // What windows before this one have left there stays.
    const int first = windows.front().first + windows.front().context;
    const int end = windows.back().end() - windows.back().context_after;
    video_.latents.narrow(2, first, end - first).copy_(latents.narrow(2, windows.front().context, end - first));
    video_.known.narrow(0, first, end - first).fill_(true);
  }

  static Window whole(std::span<const Window> windows) {
    Window all = windows.front();
    all.shape.frames = windows.back().end() - all.first;
    all.context_after = windows.back().context_after;
    return all;
  }

  const Plan& plan_;
  Contexts contexts_;
  Model& model_;
  SavedLatents& saved_;
  Progress& progress_;
  at::Device device_;
  Rng rng_, condition_rng_;
  Conditions given_;
  LatentVideo video_;
  std::vector<std::span<const Window>> groups_;
  StepCount steps_;
};

}  // namespace

std::vector<std::span<const Window>> window_groups(const Plan& plan) {
  const std::span<const Window> windows = plan.windows;
  if (plan.sampling.continuation == Continuation::blended) return {windows};
  std::vector<std::span<const Window>> single;
  for (std::size_t i = 0; i < windows.size(); ++i) single.push_back(windows.subspan(i, 1));
  return single;
}

Quality render(const Plan& plan, Contexts contexts, Model& model, PixelReader& read, SavedLatents& saved,
               FrameSink& sink, Progress& progress, const MarkFrame& mark) {
  Renderer renderer(plan, std::move(contexts), model, read, saved, progress);
  // On a CPU both would share the same cores.
  const auto thread = model.device.is_cpu() ? Decoding::Thread::callers : Decoding::Thread::own;
  Decoding decoding(plan, *model.vae, read, {sink, mark}, progress, model.device, thread);
  renderer.run([&](const Tensor& latents, Piece piece) { decoding.add(latents, piece); });
  decoding.finish();
  saved.remove();
  return decoding.quality().result(renderer.latents());
}

}  // namespace sora
