// The plan as lines and as JSON.
#include "cli/show_plan.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

std::string video_text(const Plan& plan) {
  std::string text = fmt::format("{}, {} frames at {} fps, {:.2f} s", to_string(plan.size), plan.pixel_frames,
                                 to_string(plan.fps), plan.pixel_frames / plan.fps.value());
  if (plan.rendered_frames != plan.pixel_frames) {
    text += fmt::format(" (rendered as {} frames, the end is trimmed)", plan.rendered_frames);
  }
  return text;
}

std::string windows_text(const Plan& plan) {
  std::string text = std::to_string(plan.windows.size());
  for (const Window& window : plan.windows) {
    text += fmt::format("{} latent frames {} to {}, {} tokens", &window == plan.windows.data() ? ":" : ";",
                        window.first, window.first + window.shape.frames - 1, window.tokens);
  }
  return text;
}

std::string guidance_text(const Plan& plan) {
  const Guidance& guidance = plan.guidance;
  if (!guidance.on()) return fmt::format("guidance off (scale {})", guidance.scale);
  if (!guidance.boundary) return fmt::format("guidance scale {}", guidance.scale);
  return fmt::format("guidance scale {}, and {} below timestep {}", guidance.scale, guidance.scale_2,
                     *guidance.boundary);
}

std::string fits_text(const Plan& plan, const PlanContext& context) {
  const Peak peak = memory_peak(plan);
  const std::string need = fmt::format("needs {} for {}", human_bytes(peak.bytes), peak.stage);
  if (!context.memory_free) return fmt::format("unknown ({}; the driver does not say what is free)", need);
  return fmt::format("{} ({}; {} free)", *fits(plan, context) ? "yes" : "no", need, human_bytes(*context.memory_free));
}

}  // namespace

Peak memory_peak(const Plan& plan) {
  Peak peak{"the text encoder", plan.cost.text_bytes};
  if (plan.cost.sample_bytes > peak.bytes) peak = {"sampling", plan.cost.sample_bytes};
  if (plan.cost.decode_bytes > peak.bytes) peak = {"decoding", plan.cost.decode_bytes};
  return peak;
}

std::optional<bool> fits(const Plan& plan, const PlanContext& context) {
  if (!context.memory_free) return std::nullopt;
  return memory_peak(plan).bytes <= *context.memory_free && plan.cost.output_bytes <= context.disk_free;
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
  line("video", video_text(plan));
  line("latents",
       fmt::format("{} channels, {} frames of {}x{}", latent.channels, latent.frames, latent.width, latent.height));
  line("windows", windows_text(plan));
  line("sampling", fmt::format("{} steps, {}", plan.steps, guidance_text(plan)));
  line("text", fmt::format("up to {} tokens", plan.max_sequence_length));
  if (plan.vae_tiling) {
    line("tiles", fmt::format("{}, {} apart", to_string(plan.vae_tiling->tile), to_string(plan.vae_tiling->stride)));
  }
  line("seed", fmt::format("{}{}", plan.seed, plan.seed_drawn ? " (drawn)" : ""));
  line("device", to_string(plan.placement) +
                     (plan.placement.threads > 0 ? fmt::format(", {} threads", plan.placement.threads) : ""));
  line("compute", fmt::format("text {}, sampling {}, decoding {}", human_flop(cost.text_flop),
                              human_flop(cost.sample_flop), human_flop(cost.decode_flop)));
  line("memory", fmt::format("text {}, sampling {}, decoding {}", human_bytes(cost.text_bytes),
                             human_bytes(cost.sample_bytes), human_bytes(cost.decode_bytes)));
  line("output", fmt::format("{}, about {} at crf {}, preset {}; {} free", printable(plan.output.path.string(), 200),
                             human_bytes(cost.output_bytes), plan.output.crf, plan.output.preset,
                             human_bytes(context.disk_free)));
  line("fits", fits_text(plan, context));
  return text;
}

ordered_json plan_json(const Plan& plan, const PlanContext& context) {
  const Cost& cost = plan.cost;
  ordered_json windows = ordered_json::array();
  for (const Window& window : plan.windows) {
    windows.push_back(
        {{"first_latent_frame", window.first}, {"latent_frames", window.shape.frames}, {"tokens", window.tokens}});
  }
  ordered_json tiling, boundary, free;  // null where there is none
  if (plan.vae_tiling)
    tiling = {{"tile", to_string(plan.vae_tiling->tile)}, {"stride", to_string(plan.vae_tiling->stride)}};
  if (plan.guidance.boundary) boundary = *plan.guidance.boundary;
  if (context.memory_free) free = *context.memory_free;
  const std::optional<bool> fit = fits(plan, context);
  return {{"model", context.model},
          {"family", context.family},
          {"prompt", plan.prompt},
          {"negative_prompt", plan.negative_prompt},
          {"width", plan.size.width},
          {"height", plan.size.height},
          {"num_frames", plan.pixel_frames},
          {"rendered_frames", plan.rendered_frames},
          {"fps", to_string(plan.fps)},
          {"seconds", plan.pixel_frames / plan.fps.value()},
          {"latents", plan.latent.sizes()},
          {"windows", windows},
          {"steps", plan.steps},
          {"guidance",
           {{"on", plan.guidance.on()},
            {"scale", plan.guidance.scale},
            {"scale_2", plan.guidance.scale_2},
            {"boundary", boundary}}},
          {"max_sequence_length", plan.max_sequence_length},
          {"vae_tiling", tiling},
          {"seed", plan.seed},
          {"seed_drawn", plan.seed_drawn},
          {"device", device_name(plan.placement)},
          {"dtype", dtype_name(plan.placement)},
          {"threads", plan.placement.threads},
          {"output", plan.output.path.string()},
          {"crf", plan.output.crf},
          {"preset", plan.output.preset},
          {"flop", {{"text", cost.text_flop}, {"sample", cost.sample_flop}, {"decode", cost.decode_flop}}},
          {"peak_bytes", {{"text", cost.text_bytes}, {"sample", cost.sample_bytes}, {"decode", cost.decode_bytes}}},
          {"output_bytes", cost.output_bytes},
          {"memory_free_bytes", free},
          {"disk_free_bytes", context.disk_free},
          {"fits", fit ? ordered_json(*fit) : ordered_json()},
          {"exit", 0}};
}

}  // namespace sora
