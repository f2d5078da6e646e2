#include "cli/result_json.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace sora {
namespace {

using nlohmann::ordered_json;

// Four digits say all that can be seen.
double rounded(double value) { return std::round(value * 1e4) / 1e4; }

ordered_json quality_json(const Quality& quality) {
  ordered_json windows = ordered_json::array();
  for (const WindowQuality& window : quality.windows) {
    windows.push_back({{"first_frame", window.first_frame},
                       {"frames", window.frames},
                       {"scene", window.scene},
                       {"luma", rounded(window.luma)},
                       {"saturation", rounded(window.saturation)},
                       {"clipped", rounded(window.clipped)},
                       {"motion", rounded(window.motion)},
                       {"join", rounded(window.join)},
                       {"latent_mean", rounded(window.latent_mean)},
                       {"latent_std", rounded(window.latent_std)}});
  }
  return {{"windows", windows}, {"warnings", quality.warnings}};
}

ordered_json origin_json(const OriginResult& origin) {
  ordered_json json{{"manifest", nullptr}, {"watermark", nullptr}};
  if (!origin.manifest.empty()) json["manifest"] = origin.manifest;
  if (origin.payload) json["watermark"] = fmt::format("{:012x}", *origin.payload);
  return json;
}

}  // namespace

ordered_json result_json(const Plan& plan, const JobResult& result) {
  const StageTimes& seconds = result.seconds;
  ordered_json json{{"exit", 0},
                    {"output", result.output},
                    {"seed", plan.seed},
                    {"frames", result.frames_written},
                    {"width", plan.size.width},
                    {"height", plan.size.height},
                    {"fps", to_string(plan.fps)},
                    {"steps", plan.steps},
                    {"device", device_name(plan.placement)},
                    {"dtype", dtype_name(plan.placement)},
                    {"seconds",
                     {{"load_text_encoder", seconds.load_text_encoder},
                      {"encode_prompt", seconds.encode_prompt},
                      {"load_model", seconds.load_model},
                      {"sample", seconds.sample},
                      {"decode", seconds.decode},
                      {"sign", seconds.sign},
                      {"total", seconds.total}}},
                    {"peak_rss_bytes", result.peak_rss_bytes},
                    {"peak_device_bytes", result.peak_device_bytes},
                    {"quality", quality_json(result.quality)},
                    {"origin", origin_json(result.origin)}};
  if (!result.md5.empty()) json["md5"] = result.md5;
  return json;
}

}  // namespace sora
