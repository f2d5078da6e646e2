// The plan as lines.
#include "cli/show_plan.h"

#include <fmt/ranges.h>

#include "base/output_name.h"
#include "base/text.h"
#include "plan/cost.h"

namespace sora {
namespace {

std::string frames_text(int first, int count) {
  return count == 1 ? fmt::format("frame {}", first) : fmt::format("frames {} to {}", first, first + count - 1);
}

std::string name_of(const std::filesystem::path& media) { return printable(media.string(), 200); }

std::string video_text(const Plan& plan) {
  std::string text = fmt::format("{}, {} frames at {} fps, {:.2f} s", to_string(plan.size), plan.pixel_frames,
                                 to_string(plan.fps), plan.pixel_frames / plan.fps.value());
  if (plan.shown.count == plan.rendered_frames) return text;
  const char* trimmed = plan.shown.first == 0                      ? "the end is"
                        : plan.shown.end() == plan.rendered_frames ? "the start is"
                                                                   : "both ends are";
  return text + fmt::format(" (rendered as {} frames, {} trimmed)", plan.rendered_frames, trimmed);
}

std::string given_text(const GivenSpan& span, const Plan& plan) {
  const std::string media = name_of(span.media) + (span.image ? "" : ", " + frames_text(span.source_first, span.count));
  if (span.at == plan.rendered_frames) return media + ", right after the last frame";
  const int output = span.at - plan.shown.first + (plan.before ? plan.before->frames.count : 0);
  return fmt::format("{}, at {}{}", media, frames_text(output, span.count),
                     plan.sampling.given == GivenUse::noised ? ", noised" : "");
}

std::string part_text(const ClipPart& part) {
  return fmt::format("{}, {}, as they are", name_of(part.media), frames_text(part.frames.first, part.frames.count));
}

std::string scenes_text(const Plan& plan) {
  std::string text;
  for (const Scene& scene : plan.scenes) {
    text += fmt::format("{}from latent frame {} \"{}\"", text.empty() ? "" : "; ", scene.first,
                        printable(scene.prompt, 200));
  }
  return text;
}

constexpr std::size_t kListedWindows = 4;

std::string continuation_text(Continuation continuation) {
  switch (continuation) {
    case Continuation::none:
      return "";
    case Continuation::blended:
      return "; blended, so the video tends to loop";
    case Continuation::clean_prefix:
      return "; each goes on from clean frames of the one before";
    case Continuation::forcing:
      return "; each goes on from the one before by diffusion forcing";
  }
  return "";
}

std::string windows_text(const Plan& plan) {
  const std::vector<Window>& windows = plan.windows;
  std::string text = std::to_string(windows.size());
  for (std::size_t i = 0; i < windows.size(); ++i) {
    if (windows.size() > kListedWindows && i == 2) text += "; ...";
    if (windows.size() > kListedWindows && i >= 2 && i + 1 < windows.size()) continue;
    const Window& window = windows[i];
    text += fmt::format("{} latent frames {} to {}, {} tokens", i == 0 ? ":" : ";", window.first, window.end() - 1,
                        window.tokens);
  }
  return windows.size() == 1 ? text : text + continuation_text(plan.sampling.continuation);
}

std::string steps_text(const Plan& plan) {
  const Sampling& sampling = plan.sampling;
  std::string text = fmt::format("{} steps", plan.steps);
  if (sampling.strength < 1) {
    text = fmt::format("{} of {} steps (strength {})", steps_made(plan), plan.steps, sampling.strength);
  }
  if (!sampling.forcing) return text;
  const Forcing& forcing = *sampling.forcing;
  text += ", diffusion forcing";
  if (forcing.ar_step > 0)
    text += fmt::format(" in blocks of {} latent frames, {} steps apart", forcing.block, forcing.ar_step);
  return text + fmt::format(", noise {} on known frames", forcing.addnoise);
}

std::string guidance_text(const Plan& plan) {
  const Guidance& guidance = plan.guidance;
  if (!guidance.on()) return fmt::format("guidance off (scale {})", guidance.scale);
  if (!guidance.boundary) return fmt::format("guidance scale {}", guidance.scale);
  return fmt::format("guidance scale {}, and {} below timestep {}", guidance.scale, guidance.scale_2,
                     *guidance.boundary);
}

std::string time_text(const Estimate& estimate) {
  const auto total = estimate.total();
  if (!total) return "unknown: nothing like this has been rendered here; --calibrate measures it";
  return fmt::format("about {}: text {}, loading {}, sampling {}, decoding {}", human_seconds(*total),
                     human_seconds(*estimate.load_text_encoder + *estimate.encode_prompt),
                     human_seconds(*estimate.load_model), human_seconds(*estimate.sample),
                     human_seconds(*estimate.decode));
}

std::string fits_text(const Plan& plan, const PlanContext& context) {
  const Peak peak = memory_peak(plan);
  const std::string need = fmt::format("needs {} for {}", human_bytes(peak.bytes), peak.stage);
  if (!context.memory_free) return fmt::format("unknown ({}; the driver does not say what is free)", need);
  return fmt::format("{} ({}; {} free)", *fits(plan, context) ? "yes" : "no", need, human_bytes(*context.memory_free));
}

}  // namespace

std::optional<bool> fits(const Plan& plan, const PlanContext& context) {
  if (!context.memory_free) return std::nullopt;
  return memory_peak(plan).bytes <= *context.memory_free && plan.cost.output_bytes <= context.disk_free;
}

std::string plan_line(const Plan& plan) {
  return fmt::format("{}; {}, {}; seed {}; {}", video_text(plan), steps_text(plan), guidance_text(plan), plan.seed,
                     printable(plan.output.path.string(), 200));
}

std::string plan_text(const Plan& plan, const PlanContext& context) {
  const Cost& cost = plan.cost;
  const LatentShape& latent = plan.latent;
  std::string text;
  const auto line = [&](std::string_view label, const std::string& value) {
    text += fmt::format("{}{:<10} {}", text.empty() ? "" : "\n", label, value);
  };
  line("model", printable(context.model, 200));
  line("family", context.family);
  line("prompt", fmt::format("\"{}\"", printable(plan.prompt, 200)));
  if (plan.guidance.on()) line("negative", fmt::format("\"{}\"", printable(plan.negative_prompt, 200)));
  if (plan.scenes.size() > 1) line("scenes", scenes_text(plan));
  line("video", video_text(plan));
  if (plan.before) line("before", part_text(*plan.before));
  for (const GivenSpan& span : plan.given) line("given", given_text(span, plan));
  if (plan.after) line("after", part_text(*plan.after));
  if (plan.mask) line("mask", name_of(plan.mask->media));
  for (const std::filesystem::path& image : plan.reference_images) line("reference", name_of(image));
  if (!plan.conditioning_scale.empty())
    line("control", fmt::format("scale {}", fmt::join(plan.conditioning_scale, ", ")));
  line("latents",
       fmt::format("{} channels, {} frames of {}x{}", latent.channels, latent.frames, latent.width, latent.height));
  line("windows", windows_text(plan));
  line("sampling", fmt::format("{}, {}", steps_text(plan), guidance_text(plan)));
  line("text", fmt::format("up to {} tokens", plan.max_sequence_length));
  if (plan.vae_tiling) {
    line("tiles", fmt::format("{}, {} apart", to_string(plan.vae_tiling->tile), to_string(plan.vae_tiling->stride)));
  }
  if (plan.offload_blocks) line("blocks", "fetched from host memory, one after the other");
  if (context.fitted_by) {
    const std::vector<std::string>& flags = *context.fitted_by;
    line("--fit", flags.empty() ? "nothing to be done" : fmt::format("{}", fmt::join(flags, " ")));
  }
  line("seed", fmt::format("{}{}", plan.seed, plan.seed_drawn ? " (drawn)" : ""));
  line("device", to_string(plan.placement) +
                     (plan.placement.threads > 0 ? fmt::format(", {} threads", plan.placement.threads) : ""));
  line("compute", fmt::format("text {}, sampling {}, decoding {}", human_flop(cost.text_flop),
                              human_flop(cost.sample_flop), human_flop(cost.decode_flop)));
  line("memory", fmt::format("text {}, sampling {}, decoding {}", human_bytes(cost.text_bytes),
                             human_bytes(cost.sample_bytes), human_bytes(cost.decode_bytes)));
  line("time", time_text(context.estimate));
  line("output", fmt::format("{}, about {} at crf {}, preset {}; {} free", printable(plan.output.path.string(), 200),
                             human_bytes(cost.output_bytes), plan.output.crf, plan.output.preset,
                             human_bytes(context.disk_free)));
  if (plan.output.poster) line("poster", name_of(poster_path(plan.output.path)));
  if (plan.output.contact_sheet) line("sheet", name_of(contact_sheet_path(plan.output.path)));
  line("fits", fits_text(plan, context));
  return text;
}

}  // namespace sora
