#include "plan/fit_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "plan/cost.h"
#include "sora/error.h"

namespace sora {
namespace {

// Smaller tiles have more edge than picture, and each costs nearly twice its share of the time.
constexpr int kSmallestTileSide = 128;

Plan with_offloaded_blocks(const Plan& plan, const Traits& traits) {
  Plan smaller = plan;
  smaller.offload_blocks = true;
  smaller.cost = cost_of(smaller, traits);
  return smaller;
}

// Tiles of half the size; empty where those would be too small.
std::optional<Plan> with_smaller_tiles(const Plan& plan, const Traits& traits) {
  const PixelSize now = plan.vae_tiling ? plan.vae_tiling->tile : plan.size;
  const Tiling half = usual_tiling({now.width / 2, now.height / 2}, traits.compression);
  if (std::min(half.tile.width, half.tile.height) < kSmallestTileSide) return std::nullopt;
  Plan smaller = plan;
  smaller.vae_tiling = half;
  smaller.cost = cost_of(smaller, traits);
  return smaller;
}

}  // namespace

Plan with_room_to_decode(const Plan& plan, const Traits& traits, std::int64_t free_bytes) {
  if (plan.cost.decode_bytes <= free_bytes) return plan;
  Plan smaller = plan;
  smaller.unload_denoiser = true;
  smaller.cost = cost_of(smaller, traits);
  return smaller.cost.decode_bytes < plan.cost.decode_bytes ? smaller : plan;
}

FittedPlan fit_memory(const Plan& plan, const Traits& traits, std::int64_t free_bytes) {
  FittedPlan fitted{with_room_to_decode(plan, traits, free_bytes), {}};
  Plan& now = fitted.plan;
  if (!now.offload_blocks && std::max(now.cost.sample_bytes, now.cost.decode_bytes) > free_bytes) {
    const Plan smaller = with_offloaded_blocks(now, traits);
    const bool helps = (now.cost.sample_bytes > free_bytes && smaller.cost.sample_bytes < now.cost.sample_bytes) ||
                       (now.cost.decode_bytes > free_bytes && smaller.cost.decode_bytes < now.cost.decode_bytes);
    if (helps) {
      now = smaller;
      fitted.flags.emplace_back("--offload-blocks");
    }
  }
  const std::optional<Tiling> asked = now.vae_tiling;
  while (now.cost.decode_bytes > free_bytes) {
    const std::optional<Plan> smaller = with_smaller_tiles(now, traits);
    if (!smaller || smaller->cost.decode_bytes >= now.cost.decode_bytes) break;
    now = *smaller;
  }
  if (now.vae_tiling != asked) fitted.flags.push_back("--vae-tile-size " + to_string(now.vae_tiling->tile));
  const Peak least = memory_peak(now);
  require(least.bytes <= free_bytes, Fault::memory,
          "--fit: {} needs about {}, {} are free{}; a smaller --size or a shorter video needs less", least.stage,
          human_bytes(least.bytes), human_bytes(free_bytes),
          fitted.flags.empty() ? "" : fmt::format(", even with {}", fmt::join(fitted.flags, " ")));
  return fitted;
}

}  // namespace sora
