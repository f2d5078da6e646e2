#include "plan/cost.h"

#include <algorithm>
#include <cmath>

#include "base/output_name.h"
#include "sora/error.h"

namespace sora {
namespace {

// On the CPU the decoder keeps its filters transformed, at most 144/27 of their size.
constexpr int kCpuVaeBytesPerWeight = 22;

double flop(const NetworkCost& cost, double items) { return items * (cost.flop_per_item + cost.flop_per_pair * items); }

std::int64_t weight_bytes(const NetworkCost& cost, int bytes_per_value) { return cost.parameters * bytes_per_value; }

std::int64_t text_encoder_bytes(const NetworkCost& cost, const Placement& placement, int bytes_per_value) {
  if (placement.device == DeviceKind::cuda) return weight_bytes(cost, bytes_per_value);
  return cost.file_bytes + cost.converted_parameters * bytes_per_value;
}

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

// Steps over a window. Blocks of diffusion forcing that lag behind each other take longer together.
int steps_over(const Plan& plan, const Window& window) {
  const Sampling& sampling = plan.sampling;
  if (!sampling.forcing) return steps_made(plan);
  const int blocks = (window.shape.frames - window.context) / sampling.forcing->block;
  return plan.steps + sampling.forcing->ar_step * std::max(0, blocks - 1);
}

}  // namespace

Cost cost_of(const Plan& plan, const Traits& traits) {
  const int dtype_bytes = plan.placement.dtype == Dtype::bf16 ? 2 : 4;
  const auto texts = static_cast<double>(plan.scenes.size() + (plan.guidance.on() ? 1 : 0));
  // The text encoder is gone when the denoiser comes, and the denoiser when the last windows are decoded.
  const bool decodes_between = plan.windows.size() > 1 && plan.sampling.continuation != Continuation::blended;
  const std::int64_t sampler_bytes = kEngineBytes + weight_bytes(traits.denoiser, dtype_bytes);
  const std::int64_t vae_bytes =
      weight_bytes(traits.vae_decoder, plan.placement.device == DeviceKind::cpu ? kCpuVaeBytesPerWeight : 4);
  Cost cost;
  cost.text_flop = texts * flop(traits.text_encoder, plan.max_sequence_length);
  cost.text_bytes = kEngineBytes + text_encoder_bytes(traits.text_encoder, plan.placement, dtype_bytes) +
                    activation_bytes(traits.text_encoder, plan.max_sequence_length, dtype_bytes);
  for (const Window& window : plan.windows) {
    const auto tokens = static_cast<double>(window.tokens);
    const double step_flop = (plan.guidance.on() ? 2 : 1) * flop(traits.denoiser, tokens);
    cost.sample_flop += steps_over(plan, window) * step_flop;
    const bool in_first_step = &window == &plan.windows.front() || plan.sampling.continuation == Continuation::blended;
    if (in_first_step) cost.first_step_flop += step_flop;
    cost.sample_bytes = std::max(cost.sample_bytes, sampler_bytes + (decodes_between ? vae_bytes : 0) +
                                                        activation_bytes(traits.denoiser, tokens, dtype_bytes));
  }
  const PixelSize size = plan.size;
  const Tiling tiling = plan.vae_tiling.value_or(Tiling{size, size});
  const double decoded_area = tiled_side(size.width, tiling.tile.width, tiling.stride.width) *
                              tiled_side(size.height, tiling.tile.height, tiling.stride.height);
  const double area_at_once =
      static_cast<double>(std::min(size.width, tiling.tile.width)) * std::min(size.height, tiling.tile.height);
  cost.decode_flop = flop(traits.vae_decoder, decoded_area * plan.rendered_frames);
  cost.decode_bytes = (decodes_between ? sampler_bytes : kEngineBytes) + vae_bytes +
                      activation_bytes(traits.vae_decoder, area_at_once * traits.compression.time, 4);
  cost.output_bytes = output_bytes(plan);
  return cost;
}

}  // namespace sora
