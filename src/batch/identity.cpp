#include "batch/identity.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/output_name.h"
#include "base/sha256.h"
#include "checkpoint/file_hashes.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

// To be raised when the same plan gives other latents than before.
constexpr int kNumericVersion = 1;

ordered_json json_of(const fs::path& file) {
  std::error_code none;
  const fs::path path = fs::canonical(file, none);
  return {{"path", path.string()},
          {"bytes", static_cast<std::uint64_t>(fs::file_size(path, none))},
          {"changed", fs::last_write_time(path, none).time_since_epoch().count()}};
}

ordered_json json_of(const GivenSpan& span) {
  return {{"media", json_of(span.media)},
          {"source_first", span.source_first},
          {"count", span.count},
          {"at", span.at},
          {"changed", span.changed}};
}

ordered_json json_of(const ClipPart& part) {
  return {{"media", json_of(part.media)}, {"first", part.frames.first}, {"count", part.frames.count}};
}

ordered_json json_of(const Window& window) {
  return {{"first", window.first},
          {"frames", window.shape.frames},
          {"context", window.context},
          {"context_after", window.context_after},
          {"scene", window.scene}};
}

ordered_json json_of(const Sampling& sampling) {
  ordered_json json{{"given", static_cast<int>(sampling.given)},
                    {"continuation", static_cast<int>(sampling.continuation)},
                    {"strength", sampling.strength}};
  if (sampling.forcing) {
    json["block"] = sampling.forcing->block;
    json["ar_step"] = sampling.forcing->ar_step;
    json["addnoise"] = sampling.forcing->addnoise;
  }
  return json;
}

ordered_json json_of(const Guidance& guidance) {
  return {{"scale", guidance.scale}, {"scale_2", guidance.scale_2}, {"boundary", guidance.boundary.value_or(0)}};
}

// Names of files are bytes, JSON is UTF-8.
std::string text_of(const ordered_json& json) {
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string fingerprint_of(const Checkpoint& checkpoint) {
  ordered_json json{{"pipeline", checkpoint.pipeline()}};
  for (const auto& [component, name] : checkpoint.components()) {
    std::error_code none;
    std::map<std::string, ordered_json> files;  // sorted: a folder's order is anyone's
    for (const fs::directory_entry& entry : fs::directory_iterator(checkpoint.folder() / component, none)) {
      files[entry.path().filename().string()] = json_of(entry.path());
    }
    json[component] = files;
  }
  return text_of(json);
}

std::string identity_of(const Plan& plan, const std::string& fingerprint) {
  ordered_json json{{"version", kNumericVersion},
                    {"checkpoint", ordered_json::parse(fingerprint)},
                    {"negative_prompt", plan.negative_prompt},
                    {"max_sequence_length", plan.max_sequence_length},
                    {"size", to_string(plan.size)},
                    {"fps", to_string(plan.fps)},
                    {"latents", plan.latent.sizes()},
                    {"steps", plan.steps},
                    {"guidance", json_of(plan.guidance)},
                    {"seed", plan.seed},
                    {"sampling", json_of(plan.sampling)},
                    {"resize", static_cast<int>(plan.resize)},
                    {"placement", to_string(plan.placement)},
                    {"threads", plan.placement.threads}};
  for (const Scene& scene : plan.scenes) json["scenes"].push_back({{"first", scene.first}, {"prompt", scene.prompt}});
  for (const Window& window : plan.windows) json["windows"].push_back(json_of(window));
  for (const GivenSpan& span : plan.given) json["given"].push_back(json_of(span));
  for (const auto& image : plan.reference_images) json["reference_images"].push_back(json_of(image));
  if (!plan.conditioning_scale.empty()) json["conditioning_scale"] = plan.conditioning_scale;
  // Tiles change what is encoded; without that, latents do not know of them. Nor do they of off-loaded blocks.
  if (plan.vae_tiling && !(plan.given.empty() && plan.reference_images.empty())) {
    json["vae_tile"] = to_string(plan.vae_tiling->tile);
    json["vae_stride"] = to_string(plan.vae_tiling->stride);
  }
  if (plan.mask) json["mask"] = json_of(plan.mask->media);
  return text_of(json);
}

std::string identity_of(const FrameCheck& check) {
  const std::string sha256 = sha256_of_file(check.module);
  return fmt::format("{} {}", sha256, check.threshold);
}

std::string job_id(const Plan& plan, const std::string& fingerprint) {
  const OutputOptions& output = plan.output;
  ordered_json json{{"latents", identity_of(plan, fingerprint)},
                    {"frames", plan.pixel_frames},
                    {"shown", plan.shown.first},
                    {"kind", static_cast<int>(output_kind(output.path))},
                    {"crf", output.crf},
                    {"preset", output.preset},
                    {"metadata", !output.metadata.empty()},
                    {"watermark", static_cast<int>(plan.provenance.watermark)},
                    {"signed", plan.provenance.sign},
                    {"poster", output.poster},
                    {"contact_sheet", output.contact_sheet}};
  if (plan.vae_tiling) json["tiles"] = {to_string(plan.vae_tiling->tile), to_string(plan.vae_tiling->stride)};
  for (const GivenSpan& span : plan.given) json["kept"].push_back(span.kept);
  if (plan.before) json["before"] = json_of(*plan.before);
  if (plan.after) json["after"] = json_of(*plan.after);
  return sha256_hex(text_of(json));
}

}  // namespace sora
