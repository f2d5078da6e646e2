// Request + Traits -> Plan. Where wishes and defaults meet, and where every wish is checked against the model.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/output_name.h"
#include "base/text.h"
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

void check_prompt(const Request& request, const Traits& traits) {
  check_text("--prompt", request.prompt, traits);
  require(request.prompt.find_first_not_of(" \t\r\n\v\f") != std::string::npos, Fault::usage, "--prompt is empty");
  if (request.negative_prompt) check_text("--negative-prompt", *request.negative_prompt, traits);
}

int frames_for(const Request& request, const Traits& traits, const Rational& fps) {
  require(!request.num_frames || !request.seconds, Fault::usage,
          "--seconds {} and --num-frames {} both give the length; give one of them", request.seconds.value_or(0),
          request.num_frames.value_or(0));
  const int longest = pixel_frames_of(traits.max_latent_frames, traits.compression);
  if (request.seconds) {
    const double exact = *request.seconds * fps.value();
    require(exact >= 0.5, Fault::usage, "--seconds {}: not one frame at {} fps; the shortest is {:.3f} (one frame)",
            *request.seconds, to_string(fps), 1 / fps.value());
    require(exact < longest + 0.5, Fault::usage,
            "--seconds {}: {:.0f} frames at {} fps; this model makes at most {} ({} s)", *request.seconds, exact,
            to_string(fps), longest, std::floor(100 * longest / fps.value()) / 100);
    return static_cast<int>(std::lround(exact));
  }
  const int frames = request.num_frames.value_or(traits.defaults.num_frames);
  require(frames <= longest, Fault::usage, "--num-frames {}: this model makes at most {}", frames, longest);
  return frames;
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
  return length;
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
  const auto three_quarters = [&](int side) { return std::max(1, side * 3 / 4 / space) * space; };
  const PixelSize stride =
      request.vae_tile_stride.value_or(PixelSize{three_quarters(tile.width), three_quarters(tile.height)});
  check_multiple("--vae-tile-stride", stride, space);
  require(stride.width <= tile.width && stride.height <= tile.height, Fault::usage,
          "--vae-tile-stride {}: larger than the tile ({}), which leaves gaps between tiles", to_string(stride),
          to_string(tile));
  return Tiling{tile, stride};
}

// On the CPU the decoder keeps its filters transformed, at most 144/27 of their size.
constexpr int kCpuVaeBytesPerWeight = 22;

double flop(const NetworkCost& cost, double items) { return items * (cost.flop_per_item + cost.flop_per_pair * items); }

std::int64_t weight_bytes(const NetworkCost& cost, int bytes_per_value) { return cost.parameters * bytes_per_value; }

std::int64_t activation_bytes(const NetworkCost& cost, double items, int bytes_per_value) {
  return static_cast<std::int64_t>(cost.values_per_item * items * bytes_per_value);
}

// Pixels along one side that are decoded, overlaps counted again.
double tiled_side(int side, int tile, int stride) {
  double sum = 0;
  for (int start = 0; start < side; start += stride) sum += std::min(tile, side - start);
  return sum;
}

// x264 at crf 18 takes about 0.1 bit a pixel on generated video, and half of that every 6 steps of crf; a PNG about
// half of its raw pixels.
std::int64_t output_bytes(const Plan& plan) {
  const double pixels = static_cast<double>(plan.size.width) * plan.size.height * plan.pixel_frames;
  switch (output_kind(plan.output.path)) {
    case OutputKind::mp4:
      return static_cast<std::int64_t>(
          std::min(pixels * 1.5, pixels * 0.1 / 8 * std::exp2((18 - plan.output.crf) / 6.0)));
    case OutputKind::png_sequence:
    case OutputKind::png:
      return static_cast<std::int64_t>(pixels * 1.5);
    case OutputKind::null:
    case OutputKind::md5:
      return 0;
  }
  fail(Fault::bug, "an output of no kind");
}

Cost cost_of(const Plan& plan, const Traits& traits) {
  const int dtype_bytes = plan.placement.dtype == Dtype::bf16 ? 2 : 4;
  const int passes = plan.guidance.on() ? 2 : 1;
  // The text encoder is gone when the denoiser comes, and the denoiser when the video is decoded.
  const std::int64_t sampler_bytes = kEngineBytes + weight_bytes(traits.denoiser, dtype_bytes);
  const int vae_bytes_per_weight = plan.placement.device == DeviceKind::cpu ? kCpuVaeBytesPerWeight : 4;
  Cost cost;
  cost.text_flop = passes * flop(traits.text_encoder, plan.max_sequence_length);
  cost.text_bytes = kEngineBytes + weight_bytes(traits.text_encoder, dtype_bytes) +
                    activation_bytes(traits.text_encoder, plan.max_sequence_length, dtype_bytes);
  for (const Window& window : plan.windows) {
    const auto tokens = static_cast<double>(window.tokens);
    cost.sample_flop += plan.steps * passes * flop(traits.denoiser, tokens);
    cost.sample_bytes =
        std::max(cost.sample_bytes, sampler_bytes + activation_bytes(traits.denoiser, tokens, dtype_bytes));
  }
  const PixelSize size = plan.size;
  const Tiling tiling = plan.vae_tiling.value_or(Tiling{size, size});
  const double decoded_area = tiled_side(size.width, tiling.tile.width, tiling.stride.width) *
                              tiled_side(size.height, tiling.tile.height, tiling.stride.height);
  const double area_at_once =
      static_cast<double>(std::min(size.width, tiling.tile.width)) * std::min(size.height, tiling.tile.height);
  cost.decode_flop = flop(traits.vae_decoder, decoded_area * plan.rendered_frames);
  cost.decode_bytes = kEngineBytes + weight_bytes(traits.vae_decoder, vae_bytes_per_weight) +
                      activation_bytes(traits.vae_decoder, area_at_once * traits.compression.time, 4);
  cost.output_bytes = output_bytes(plan);
  return cost;
}

}  // namespace

Plan make_plan(const Request& request, const Traits& traits, const Placement& placement, std::uint64_t drawn_seed,
               const MediaProbe&) {
  check_prompt(request, traits);
  Plan plan;
  plan.prompt = request.prompt;
  plan.negative_prompt = request.negative_prompt.value_or(traits.defaults.negative_prompt);
  plan.size = request.size.value_or(traits.defaults.size);
  plan.fps = request.fps.value_or(traits.defaults.fps);
  plan.pixel_frames = frames_for(request, traits, plan.fps);
  plan.latent = latents_for(plan.size, plan.pixel_frames, traits);
  plan.compression = traits.compression;
  plan.rendered_frames = pixel_frames_of(plan.latent.frames, traits.compression);
  plan.shown = {0, plan.pixel_frames};
  plan.scenes = {{0, plan.prompt}};
  plan.steps = steps_for(request, traits);
  plan.guidance = guidance_for(request, traits);
  plan.max_sequence_length = sequence_length_for(request, traits);
  plan.seed = request.seed.value_or(drawn_seed);
  plan.seed_drawn = !request.seed;
  plan.windows = {
      {plan.latent, 0,
       plan.latent.values() / plan.latent.channels / (traits.patch[0] * traits.patch[1] * traits.patch[2])}};
  plan.vae_tiling = tiling_for(request, traits);
  plan.placement = placement;
  plan.output = request.output;
  if (plan.output.path.empty()) plan.output.path = fmt::format("sora-gen-{}.mp4", plan.seed);
  check_output(plan.output, plan.size, plan.pixel_frames);
  plan.cost = cost_of(plan, traits);
  return plan;
}

std::string device_name(const Placement& placement) {
  return placement.device == DeviceKind::cpu ? "cpu" : fmt::format("cuda:{}", placement.cuda_index);
}

std::string_view dtype_name(const Placement& placement) { return placement.dtype == Dtype::bf16 ? "bf16" : "fp32"; }

std::string to_string(const Placement& placement) {
  return fmt::format("{}, {}", device_name(placement), dtype_name(placement));
}

}  // namespace sora
