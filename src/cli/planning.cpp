#include "cli/planning.h"

#include <spdlog/spdlog.h>

#include <cstdlib>

#include "base/machine.h"
#include "base/name_template.h"
#include "base/output_name.h"
#include "base/text.h"
#include "batch/launcher.h"
#include "cli/placement.h"
#include "cli/render_one.h"
#include "cli/sidecar.h"
#include "plan/cost.h"
#include "plan/fit_memory.h"
#include "sora/engine.h"
#include "sora/error.h"

namespace sora {

MediaInfo probe(const std::filesystem::path& media) {
  require(engine().probe != nullptr, Fault::bug, "the engine cannot look at images and clips");
  return engine().probe(media);
}

std::optional<Group> launch_group(const Generate& options) {
  return options.ask_launcher ? find_group(std::getenv) : std::nullopt;
}

void settle_output(Plan& plan, const Generate& options, const Settings& said, const Checkpoint& checkpoint, int index) {
  const NameTemplate name(plan.output.path);
  if (name.has_fields()) plan.output.root = name.root();
  plan.output.path = name.fill({.index = index,
                                .prompt = plan.prompt,
                                .seed = plan.seed,
                                .size = plan.size,
                                .frames = plan.pixel_frames,
                                .fps = plan.fps,
                                .steps = plan.steps,
                                .model = options.model.empty() ? checkpoint.folder().string() : options.model});
  const bool carries = !options.no_metadata && output_kind(plan.output.path) == OutputKind::mp4;
  plan.output.metadata = carries ? settings_text(said, plan) : "";
}

PlanContext context_of(const Plan& plan, const Traits& traits, const Checkpoint& checkpoint, const RenderTimes& times) {
  return {checkpoint.folder().string(), traits.family, free_memory_bytes(plan.placement),
          disk_free_for(plan.output.path), times.estimate(plan)};
}

void calibrate(const Plan& plan, const Traits& traits, const Checkpoint& checkpoint, const RenderTimes& times,
               Progress& progress) {
  const Plan small = calibration_plan(plan, traits);
  spdlog::info("measuring: {} steps of a window of {} frames, and decoding them", small.steps, small.pixel_frames);
  render_one(small, checkpoint, progress);  // which reads the files from the disk
  times.learn(small, render_one(small, checkpoint, progress));
}

void make_room(Plan& plan, const Traits& traits, const PlanContext& context) {
  if (context.memory_free) plan = with_room_to_decode(plan, traits, *context.memory_free);
}

void fit_to_memory(Plan& plan, const Traits& traits, PlanContext& context) {
  require(context.memory_free.has_value(), Fault::usage,
          "--fit: the driver does not say how much memory is free; --offload-blocks and --vae-tile-size can be given "
          "without it");
  FittedPlan fitted = fit_memory(plan, traits, *context.memory_free);
  plan = std::move(fitted.plan);
  context.fitted_by = std::move(fitted.flags);
}

void warn_of_surprises(const Request& request, const Plan& plan, const Traits& traits, const PlanContext& context) {
  if (plan.sampling.continuation == Continuation::blended) {
    spdlog::warn(
        "this checkpoint makes {} frames at a time; longer videos are blended from {} windows and tend to repeat "
        "themselves",
        traits.defaults.window_frames, plan.windows.size());
  }
  if (traits.continuation == Continuation::none && plan.rendered_frames > traits.defaults.window_frames) {
    spdlog::warn("this checkpoint was made for {} frames at a time; {} may look worse", traits.defaults.window_frames,
                 plan.rendered_frames);
  }
  if (request.negative_prompt && !plan.guidance.on()) {
    spdlog::warn("--negative-prompt has no effect: guidance is off at scale {}", plan.guidance.scale);
  }
  if (fits(plan, context) == false) {
    const Peak peak = memory_peak(plan);
    spdlog::warn("this may not fit: {} needs about {}, {} are free; the output about {}, {} are free", peak.stage,
                 human_bytes(peak.bytes), human_bytes(context.memory_free.value_or(0)),
                 human_bytes(plan.cost.output_bytes), human_bytes(context.disk_free));
  }
}

}  // namespace sora
