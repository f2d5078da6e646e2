// The plan as JSON.
#include <nlohmann/json.hpp>

#include "base/output_name.h"
#include "cli/show_plan.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

std::string_view name_of(Resize resize) {
  return resize == Resize::crop ? "crop" : resize == Resize::pad ? "pad" : "stretch";
}

std::string_view name_of(GivenUse use) {
  switch (use) {
    case GivenUse::none:
      return "none";
    case GivenUse::clean_frames:
      return "clean_frames";
    case GivenUse::image_channels:
      return "image_channels";
    case GivenUse::control:
      return "control";
    case GivenUse::noised:
      return "noised";
  }
  return "";
}

std::string_view name_of(Continuation continuation) {
  switch (continuation) {
    case Continuation::none:
      return "none";
    case Continuation::blended:
      return "blended";
    case Continuation::clean_prefix:
      return "clean_prefix";
    case Continuation::forcing:
      return "forcing";
  }
  return "";
}

ordered_json json_of(const FrameRange& frames) { return {{"first", frames.first}, {"count", frames.count}}; }

ordered_json part_json(const std::optional<ClipPart>& part) {
  if (!part) return {};
  return {{"media", part->media.string()}, {"frames", json_of(part->frames)}};
}

ordered_json given_json(const Plan& plan) {
  ordered_json list = ordered_json::array();
  for (const GivenSpan& span : plan.given) {
    list.push_back({{"media", span.media.string()},
                    {"source_first", span.source_first},
                    {"count", span.count},
                    {"at", span.at},
                    {"latents", json_of(span.latents)},
                    {"kept", span.kept}});
  }
  return list;
}

ordered_json references_json(const Plan& plan) {
  ordered_json list = ordered_json::array();
  for (const std::filesystem::path& image : plan.reference_images) list.push_back(image.string());
  return list;
}

ordered_json scenes_json(const Plan& plan) {
  ordered_json list = ordered_json::array();
  for (const Scene& scene : plan.scenes)
    list.push_back({{"first_latent_frame", scene.first}, {"prompt", scene.prompt}});
  return list;
}

ordered_json windows_json(const Plan& plan) {
  ordered_json list = ordered_json::array();
  for (const Window& window : plan.windows) {
    list.push_back({{"first_latent_frame", window.first},
                    {"latent_frames", window.shape.frames},
                    {"context", window.context},
                    {"context_after", window.context_after},
                    {"scene", window.scene},
                    {"tokens", window.tokens}});
  }
  return list;
}

ordered_json sampling_json(const Sampling& sampling) {
  ordered_json forcing;
  if (sampling.forcing) {
    forcing = {{"block", sampling.forcing->block},
               {"ar_step", sampling.forcing->ar_step},
               {"addnoise", sampling.forcing->addnoise}};
  }
  return {{"given", name_of(sampling.given)},
          {"continuation", name_of(sampling.continuation)},
          {"strength", sampling.strength},
          {"forcing", forcing}};
}

// Null where nothing like it has been measured.
ordered_json seconds_json(const Estimate& estimate) {
  const auto json_of_seconds = [](const std::optional<double>& seconds) {
    return seconds ? ordered_json(*seconds) : ordered_json();
  };
  return {{"load_text_encoder", json_of_seconds(estimate.load_text_encoder)},
          {"encode_prompt", json_of_seconds(estimate.encode_prompt)},
          {"load_model", json_of_seconds(estimate.load_model)},
          {"sample", json_of_seconds(estimate.sample)},
          {"decode", json_of_seconds(estimate.decode)},
          {"total", json_of_seconds(estimate.total())}};
}

}  // namespace

ordered_json plan_json(const Plan& plan, const PlanContext& context) {
  const Cost& cost = plan.cost;
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
          {"shown", json_of(plan.shown)},
          {"given", given_json(plan)},
          {"before", part_json(plan.before)},
          {"after", part_json(plan.after)},
          {"mask", plan.mask ? ordered_json(plan.mask->media.string()) : ordered_json()},
          {"reference_images", references_json(plan)},
          {"conditioning_scale", plan.conditioning_scale},
          {"resize", name_of(plan.resize)},
          {"scenes", scenes_json(plan)},
          {"windows", windows_json(plan)},
          {"sampling", sampling_json(plan.sampling)},
          {"steps", plan.steps},
          {"guidance",
           {{"on", plan.guidance.on()},
            {"scale", plan.guidance.scale},
            {"scale_2", plan.guidance.scale_2},
            {"boundary", boundary}}},
          {"max_sequence_length", plan.max_sequence_length},
          {"vae_tiling", tiling},
          {"offload_blocks", plan.offload_blocks},
          {"fitted_by", context.fitted_by ? ordered_json(*context.fitted_by) : ordered_json()},
          {"seed", plan.seed},
          {"seed_drawn", plan.seed_drawn},
          {"device", device_name(plan.placement)},
          {"dtype", dtype_name(plan.placement)},
          {"threads", plan.placement.threads},
          {"output", plan.output.path.string()},
          {"crf", plan.output.crf},
          {"preset", plan.output.preset},
          {"poster", plan.output.poster ? ordered_json(poster_path(plan.output.path).string()) : ordered_json()},
          {"contact_sheet",
           plan.output.contact_sheet ? ordered_json(contact_sheet_path(plan.output.path).string()) : ordered_json()},
          {"flop", {{"text", cost.text_flop}, {"sample", cost.sample_flop}, {"decode", cost.decode_flop}}},
          {"peak_bytes", {{"text", cost.text_bytes}, {"sample", cost.sample_bytes}, {"decode", cost.decode_bytes}}},
          {"estimated_seconds", seconds_json(context.estimate)},
          {"output_bytes", cost.output_bytes},
          {"memory_free_bytes", free},
          {"disk_free_bytes", context.disk_free},
          {"fits", fit ? ordered_json(*fit) : ordered_json()},
          {"exit", 0}};
}

}  // namespace sora
