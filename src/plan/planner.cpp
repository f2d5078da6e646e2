// Request + Traits -> Plan. Where wishes and defaults meet, and where every wish is checked against the model.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/output_name.h"
#include "base/text.h"
#include "plan/cost.h"
#include "plan/skills.h"
#include "plan/spans.h"
#include "plan/timeline.h"
#include "plan/windows.h"
#include "plan/wishes.h"
#include "sora/error.h"
#include "sora/plan.h"

namespace sora {
namespace {

constexpr std::size_t kMaxPromptBytes = 20'000;

void check_text(std::string_view flag, std::string_view text, const Traits& traits) {
  require(text.size() <= kMaxPromptBytes, Fault::usage,
          "{} is {} bytes long; at most {} are taken, and the model reads no more than {} tokens", flag, text.size(),
          kMaxPromptBytes, traits.max_sequence_length);
  require(text.find('\0') == std::string_view::npos, Fault::usage, "{} contains a NUL byte: {}", flag, printable(text));
  require(is_utf8(text), Fault::usage, "{} is not valid UTF-8: {}", flag, printable(text));
}

void check_prompt(std::string_view flag, std::string_view text, const Traits& traits) {
  check_text(flag, text, traits);
  require(text.find_first_not_of(" \t\r\n\v\f") != std::string::npos, Fault::usage, "{} is empty", flag);
}

std::string scene_flag(const SceneWish& scene) { return fmt::format("--scene at {} s", scene.seconds); }

void check_prompts(const Request& request, const Traits& traits) {
  check_prompt("--prompt", request.prompt, traits);
  if (request.negative_prompt) check_text("--negative-prompt", *request.negative_prompt, traits);
  for (const SceneWish& scene : request.scenes) check_prompt(scene_flag(scene), scene.prompt, traits);
}

const ProvenanceOptions& checked(const ProvenanceOptions& options) {
  require(options.certificate.empty() == options.key.empty(), Fault::usage, "--{} needs --{}",
          options.key.empty() ? "certificate" : "key", options.key.empty() ? "key" : "certificate");
  return options;
}

std::optional<FrameCheck> frame_check_for(const Request& request, const std::filesystem::path& output) {
  if (!request.frame_checker) return std::nullopt;
  require(output_kind(output) != OutputKind::png_sequence, Fault::usage,
          "--frame-checker: numbered frames such as {} appear one by one, so that those before a refused one would be "
          "there; give an .mp4",
          printable(output.native(), 200));
  FrameCheck check{.module = *request.frame_checker};
  check.threshold = request.frame_threshold.value_or(check.threshold);
  return check;
}

LatentShape latents_for(const PixelSize& size, int pixel_frames, const Traits& traits) {
  const LatentShape shape =
      latent_shape_for(size, pixel_frames, traits.latent_channels, traits.compression, traits.patch);
  require(shape.width <= traits.max_latent_side && shape.height <= traits.max_latent_side, Fault::usage,
          "--size {}: this model makes at most {} pixels a side", to_string(size),
          traits.max_latent_side * traits.compression.space);
  return shape;
}

// Without --guidance-scale-2 the second expert takes --guidance-scale, as in the reference; the model's own pair holds
// only if the user gives neither.
Guidance guidance_for(const Request& request, const Traits& traits) {
  require(!request.guidance_scale_2 || traits.boundary_ratio, Fault::usage,
          "--guidance-scale-2 {}: this model ({}) has one denoiser; --guidance-scale is all it takes",
          request.guidance_scale_2.value_or(0), traits.family);
  Guidance guidance;
  guidance.scale = request.guidance_scale.value_or(traits.defaults.guidance_scale);
  const double second =
      request.guidance_scale ? guidance.scale : traits.defaults.guidance_scale_2.value_or(guidance.scale);
  guidance.scale_2 = request.guidance_scale_2.value_or(second);
  if (traits.boundary_ratio) guidance.boundary = *traits.boundary_ratio * static_cast<double>(traits.train_timesteps);
  return guidance;
}

int steps_for(const Request& request, const Traits& traits) {
  const int steps = request.steps.value_or(traits.defaults.steps);
  const int most = std::min<int>(traits.max_steps.value_or(steps), static_cast<int>(traits.train_timesteps));
  require(steps <= most, Fault::usage, "--steps {}: this model's scheduler takes at most {}", steps, most);
  return steps;
}

int sequence_length_for(const Request& request, const Traits& traits) {
  const int length = request.max_sequence_length.value_or(traits.max_sequence_length);
  require(length <= traits.max_sequence_length, Fault::usage, "--max-sequence-length {}: this model takes at most {}",
          length, traits.max_sequence_length);
  // The reference tells text rows from image rows by this number alone: with another it mixes them in silence.
  require(!traits.fixed_text_length || length == traits.max_sequence_length, Fault::usage,
          "--max-sequence-length {}: this model ({}) takes {} only", length, traits.family, traits.max_sequence_length);
  return length;
}

Forcing forcing_for(const Request& request, const Traits& traits) {
  const auto check = [&](std::string_view flag, const auto& value) {
    if (value) require_skill(traits, Skill::forcing, fmt::format("{} {}", flag, *value));
  };
  check("--causal-block-size", request.causal_block_size);
  check("--ar-step", request.ar_step);
  check("--addnoise-condition", request.addnoise_condition);
  Forcing forcing = traits.forcing;
  forcing.noisiest = static_cast<double>(traits.train_timesteps - 1);
  forcing.block = request.causal_block_size.value_or(forcing.block);
  forcing.ar_step = request.ar_step.value_or(forcing.ar_step);
  forcing.addnoise = request.addnoise_condition.value_or(forcing.addnoise);
  return forcing;
}

// The reference's default; where a mask says what is changed, it is changed wholly.
double strength_for(const Request& request, GivenUse use) {
  if (use != GivenUse::noised || !request.video) return 1;
  return request.strength.value_or(request.mask ? 1 : 0.8);
}

std::vector<double> conditioning_scale_for(const Request& request, const Traits& traits) {
  const std::vector<double>& scale = request.conditioning_scale;
  if (scale.empty()) return scale;
  const std::string asked = fmt::format("--conditioning-scale {}", fmt::join(scale, ","));
  require(traits.control_layers > 0, Fault::usage, "{}: this checkpoint ({}) has no control that could be scaled",
          asked, traits.family);
  require(scale.size() == 1 || std::cmp_equal(scale.size(), traits.control_layers), Fault::usage,
          "{}: that is {} numbers; this checkpoint ({}) takes one, or {}, one for each layer that sees the control",
          asked, scale.size(), traits.family, traits.control_layers);
  return scale;
}

void check_multiple(std::string_view flag, const PixelSize& size, int multiple) {
  require(
      size.width >= multiple && size.height >= multiple && size.width % multiple == 0 && size.height % multiple == 0,
      Fault::usage, "{} {}: width and height must be multiples of {}", flag, to_string(size), multiple);
}

std::optional<Tiling> tiling_for(const Request& request, const Traits& traits) {
  if (!request.vae_tile_size) {
    require(!request.vae_tile_stride, Fault::usage, "--vae-tile-stride {} needs --vae-tile-size",
            to_string(request.vae_tile_stride.value_or(PixelSize{})));
    return std::nullopt;
  }
  const PixelSize tile = *request.vae_tile_size;
  const int space = traits.compression.space;
  check_multiple("--vae-tile-size", tile, space);
  const PixelSize stride = request.vae_tile_stride.value_or(usual_tiling(tile, traits.compression).stride);
  check_multiple("--vae-tile-stride", stride, space);
  require(stride.width <= tile.width && stride.height <= tile.height, Fault::usage,
          "--vae-tile-stride {}: larger than the tile ({}), which leaves gaps between tiles", to_string(stride),
          to_string(tile));
  return Tiling{tile, stride};
}

WindowOrder window_order(const Request& request, const Plan& plan, const Traits& traits) {
  WindowOrder order{.continuation = traits.continuation, .backward = request.backward};
  if (plan.sampling.given != GivenUse::clean_frames) return order;
  for (const GivenSpan& span : plan.given) {
    if (span.latents.first == order.leading) order.leading = span.latents.end();
    if (span.latents.end() == plan.latent.frames && span.latents.first > 0) order.trailing = span.latents.count;
  }
  return order;
}

// A scene begins with the first latent frame (or block of them) that begins at its time or later.
std::vector<Scene> scenes_for(const Request& request, const Plan& plan, const Traits& traits, const WindowOrder& order,
                              int block) {
  const auto output_frame = [&](int rendered) {
    return rendered - plan.shown.first + (plan.before ? plan.before->frames.count : 0);
  };
  const int generated = order.leading == 0 ? plan.shown.first : pixel_frames_of(order.leading, traits.compression);
  const int latent_end = plan.latent.frames - order.trailing;
  const int end = std::min(plan.shown.end(), pixel_frames_of(latent_end, traits.compression));
  double earlier = 0;
  std::vector<Scene> scenes{{0, request.prompt}};
  for (const SceneWish& wish : request.scenes) {
    const std::string flag = scene_flag(wish);
    require_skill(traits, Skill::windows, flag);
    require(wish.seconds > earlier, Fault::usage, "{}: scenes stand in order, and the one before begins at {} s", flag,
            earlier);
    const auto at = static_cast<int>(std::ceil(wish.seconds * plan.fps.value() - 1e-6)) - output_frame(0);
    const int latent = at <= 0 ? 0 : latent_frames_for(at, traits.compression);
    const int first = (latent + block - 1) / block * block;
    require(first > order.leading && at < end && first < latent_end, Fault::usage,
            "{}: what is generated lies between {:.2f} and {:.2f} s, and a scene begins inside it", flag,
            output_frame(generated) / plan.fps.value(), output_frame(end) / plan.fps.value());
    require(first > scenes.back().first, Fault::usage,
            "{}: begins with the same latent frame ({}) as the scene before; {} frames lie between scenes at least",
            flag, first, block * traits.compression.time);
    earlier = wish.seconds;
    scenes.push_back({first, wish.prompt});
  }
  return scenes;
}

std::int64_t tokens_of(const Window& window, const Plan& plan, const Traits& traits) {
  const bool appended = !plan.given.empty() && plan.given.back().at == plan.rendered_frames;
  const int frames = window.shape.frames + static_cast<int>(plan.reference_images.size()) +
                     (appended && window.end() == plan.latent.frames ? 1 : 0);
  return std::int64_t{frames} * window.shape.height * window.shape.width /
         (traits.patch[0] * traits.patch[1] * traits.patch[2]);
}

// What the model renders, of what and in which order.
void plan_video(Plan& plan, const Request& request, const Traits& traits, const MediaProbe& probe) {
  const Forcing forcing = forcing_for(request, traits);
  const int block = can(traits, Skill::forcing) ? forcing.block : 1;
  const WindowSize window = window_size_for(request, traits, forcing);
  Timeline line = make_timeline(request, traits, window, probe);
  plan.size = line.size;
  plan.compression = traits.compression;
  plan.fps = line.fps;
  plan.shown = line.shown;
  plan.given = std::move(line.given);
  plan.before = std::move(line.before);
  plan.after = std::move(line.after);
  plan.mask = std::move(line.mask);
  plan.reference_images = request.reference_images;
  plan.conditioning_scale = conditioning_scale_for(request, traits);
  plan.resize = request.resize.value_or(Resize::crop);
  plan.pixel_frames =
      (plan.before ? plan.before->frames.count : 0) + plan.shown.count + (plan.after ? plan.after->frames.count : 0);
  plan.latent = latents_for(plan.size, line.needed_frames, traits);
  plan.latent.frames = (plan.latent.frames + block - 1) / block * block;
  plan.rendered_frames = pixel_frames_of(plan.latent.frames, traits.compression);
  plan.sampling.given = line.use;
  place_spans(plan, traits, line.needed_frames, block);
  const WindowOrder order = window_order(request, plan, traits);
  plan.scenes = scenes_for(request, plan, traits, order, block);
  plan.windows = windows_over(plan.latent, window, order, plan.scenes);
  for (Window& each : plan.windows) each.tokens = tokens_of(each, plan, traits);
  if (can(traits, Skill::forcing)) plan.sampling.forcing = forcing;
  if (plan.windows.size() > 1 || can(traits, Skill::forcing)) plan.sampling.continuation = traits.continuation;
}

}  // namespace

Plan make_plan(const Request& request, const Traits& traits, const Placement& placement, std::uint64_t drawn_seed,
               const MediaProbe& probe) {
  check_prompts(request, traits);
  refuse_contradictions(request);
  Plan plan;
  plan.prompt = request.prompt;
  plan.negative_prompt = request.negative_prompt.value_or(traits.defaults.negative_prompt);
  plan_video(plan, request, traits, probe);
  plan.steps = steps_for(request, traits);
  plan.sampling.strength = strength_for(request, plan.sampling.given);
  require(steps_made(plan) >= 1, Fault::usage, "--strength {}: of {} steps not one would be made; at least {}",
          plan.sampling.strength, plan.steps, 1.0 / plan.steps);
  plan.guidance = guidance_for(request, traits);
  plan.max_sequence_length = sequence_length_for(request, traits);
  plan.seed = request.seed.value_or(drawn_seed);
  plan.seed_drawn = !request.seed;
  plan.vae_tiling = tiling_for(request, traits);
  plan.offload_blocks = request.offload_blocks;
  plan.placement = placement;
  plan.provenance = checked(request.provenance);
  plan.output = request.output;
  if (plan.output.path.empty()) plan.output.path = fmt::format("sora-gen-{}.mp4", plan.seed);
  check_output(plan.output, plan.size, plan.pixel_frames);
  plan.frame_check = frame_check_for(request, plan.output.path);
  plan.cost = cost_of(plan, traits);
  return plan;
}

int steps_made(const Plan& plan) { return static_cast<int>(plan.steps * plan.sampling.strength); }

std::string device_name(const Placement& placement) {
  return placement.device == DeviceKind::cpu ? "cpu" : fmt::format("cuda:{}", placement.cuda_index);
}

std::string_view dtype_name(const Placement& placement) { return placement.dtype == Dtype::bf16 ? "bf16" : "fp32"; }

std::string to_string(const Placement& placement) {
  return fmt::format("{}, {}", device_name(placement), dtype_name(placement));
}

}  // namespace sora
