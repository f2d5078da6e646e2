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

// Of weights that are fetched block by block. A GPU has a second block's while the first one computes.
std::int64_t fetched_weight_bytes(const NetworkCost& cost, const Placement& placement, int bytes_per_value) {
  const std::int64_t at_once = placement.device == DeviceKind::cuda ? 2 : 1;
  return (cost.parameters - cost.block_parameters + at_once * cost.fetched_parameters) * bytes_per_value;
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

// What the decoder keeps from one call to the next. Of tiles it is on the host, which counts on the CPU only.
std::int64_t remembered_bytes(const Plan& plan, const Traits& traits, double decoded_area) {
  if (plan.vae_tiling && plan.placement.device != DeviceKind::cpu) return 0;
  return static_cast<std::int64_t>(4 * traits.vae_decoder.remembered_per_item * decoded_area * traits.compression.time);
}

// In tiles, the pixels of one tile wait for those of the others, but only one tile is computed at a time.
std::int64_t decoder_activation_bytes(const Plan& plan, const Traits& traits, double decoded_area,
                                      bool windows_follow) {
  const double frames = traits.compression.time;  // that one latent frame stands for
  if (!plan.vae_tiling) return activation_bytes(traits.vae_decoder, decoded_area * frames, 4);
  const PixelSize& tile = plan.vae_tiling->tile;
  const double tile_area =
      static_cast<double>(std::min(plan.size.width, tile.width)) * std::min(plan.size.height, tile.height);
  const double waiting = 3 * decoded_area * frames * std::min(plan.latent.frames, kLatentFramesATile);
  const bool remembers = windows_follow || plan.latent.frames > kLatentFramesATile;
  return activation_bytes(traits.vae_decoder, tile_area * frames, 4) + static_cast<std::int64_t>(4 * waiting) +
         (remembers ? remembered_bytes(plan, traits, decoded_area - tile_area) : 0);
}

}  // namespace

Cost cost_of(const Plan& plan, const Traits& traits) {
  const int dtype_bytes = plan.placement.dtype == Dtype::bf16 ? 2 : 4;
  const auto texts = static_cast<double>(plan.scenes.size() + (plan.guidance.on() ? 1 : 0));
  // The text encoder is gone when the denoiser comes.
  const bool decodes_between = plan.windows.size() > 1 && plan.sampling.continuation != Continuation::blended;
  const std::int64_t sampler_bytes =
      kEngineBytes + (plan.offload_blocks ? fetched_weight_bytes(traits.denoiser, plan.placement, dtype_bytes)
                                          : weight_bytes(traits.denoiser, dtype_bytes));
  const std::int64_t vae_bytes =
      weight_bytes(traits.vae_decoder, plan.placement.device == DeviceKind::cpu ? kCpuVaeBytesPerWeight : 4);
  const PixelSize size = plan.size;
  const Tiling tiling = plan.vae_tiling.value_or(Tiling{size, size});
  const double decoded_area = tiled_side(size.width, tiling.tile.width, tiling.stride.width) *
                              tiled_side(size.height, tiling.tile.height, tiling.stride.height);
  const std::int64_t decoder_bytes = decodes_between ? vae_bytes + remembered_bytes(plan, traits, decoded_area) : 0;
  // Elsewhere than on the CPU, finished windows are decoded while the next one is sampled.
  const bool beside = decodes_between && plan.placement.device != DeviceKind::cpu;
  const std::int64_t decoding_bytes = decoder_activation_bytes(plan, traits, decoded_area, decodes_between);
  Cost cost;
  cost.text_flop = texts * flop(traits.text_encoder, plan.max_sequence_length);
  cost.text_bytes = kEngineBytes + fetched_weight_bytes(traits.text_encoder, plan.placement, dtype_bytes) +
                    activation_bytes(traits.text_encoder, plan.max_sequence_length, dtype_bytes);
  for (const Window& window : plan.windows) {
    const auto tokens = static_cast<double>(window.tokens);
    const double step_flop = (plan.guidance.on() ? 2 : 1) * flop(traits.denoiser, tokens);
    cost.sample_flop += steps_over(plan, window) * step_flop;
    const bool in_first_step = &window == &plan.windows.front() || plan.sampling.continuation == Continuation::blended;
    if (in_first_step) cost.first_step_flop += step_flop;
    cost.sample_bytes = std::max(cost.sample_bytes, sampler_bytes + decoder_bytes + (beside ? decoding_bytes : 0) +
                                                        activation_bytes(traits.denoiser, tokens, dtype_bytes));
  }
  cost.decode_flop = flop(traits.vae_decoder, decoded_area * plan.rendered_frames);
  const bool denoiser_stays = decodes_between || !plan.unload_denoiser;
  cost.decode_bytes = (denoiser_stays ? sampler_bytes : kEngineBytes) + vae_bytes + decoding_bytes;
  cost.output_bytes = output_bytes(plan);
  return cost;
}

Peak memory_peak(const Plan& plan) {
  Peak peak{"the text encoder", plan.cost.text_bytes};
  if (plan.cost.sample_bytes > peak.bytes) peak = {"sampling", plan.cost.sample_bytes};
  if (plan.cost.decode_bytes > peak.bytes) peak = {"decoding", plan.cost.decode_bytes};
  return peak;
}

}  // namespace sora
