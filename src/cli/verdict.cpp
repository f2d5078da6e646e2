#include "cli/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kMadeByAModel = "trainedAlgorithmicMedia";

std::string shown(const std::string& text) { return printable(text, 300); }

std::string hex(std::uint64_t payload) { return fmt::format("{:012x}", payload); }

bool holds(const ManifestReport& manifest) {
  return manifest.state == ManifestState::trusted || manifest.state == ManifestState::unknown_signer;
}

bool is_this_file(const OriginFindings& findings) {
  return findings.made_here && !findings.sha256.empty() && findings.made_here->sha256 == findings.sha256;
}

bool says_a_model_made_it(const ManifestReport& manifest) {
  return std::any_of(manifest.actions.begin(), manifest.actions.end(), [](const ActionReport& action) {
    return action.digital_source_type.find(kMadeByAModel) != std::string::npos;
  });
}

// A record of ours in a manifest; bytes of strangers, so of any type.
std::string text_in(const ordered_json& record, const char* key) {
  if (!record.is_object()) return "";
  const auto value = record.find(key);
  return value != record.end() && value->is_string() ? value->get<std::string>() : "";
}

std::string manifest_text(const ManifestReport& manifest) {
  std::string text(name_of(manifest.state));
  for (const std::string& fault : manifest.faults) text += "; " + shown(fault);
  if (!holds(manifest)) return text;
  text += fmt::format("; signed by {}", shown(manifest.signer.empty() ? "nobody it names" : manifest.signer));
  if (!manifest.issuer.empty()) text += fmt::format(" (certified by {})", shown(manifest.issuer));
  text += manifest.time.empty() ? ", at a time that nobody attests" : " at " + shown(manifest.time);
  if (!manifest.generator.empty()) text += "; made with " + shown(manifest.generator);
  if (says_a_model_made_it(manifest)) text += ", by a generative model";
  return text;
}

std::string ingredient_text(const IngredientReport& ingredient) {
  std::string text = fmt::format("{} ({})", shown(ingredient.title), shown(ingredient.relationship));
  if (!ingredient.has_manifest) return text + ": has no manifest of its own";
  if (ingredient.faults.empty()) return text + ": its own manifest holds";
  text += ": ITS OWN MANIFEST DOES NOT HOLD";
  for (const std::string& fault : ingredient.faults) text += "; " + shown(fault);
  return text;
}

std::string watermark_text(const OriginFindings& findings) {
  if (!findings.watermark) return findings.unmarked;
  const WatermarkFinding& mark = *findings.watermark;
  std::string text;
  if (!mark.found) {
    text = "none of this installation's found";
  } else {
    text = fmt::format("consistent with this installation's key {}, by chance at most 1 in 10^{}",
                       watermark_key_id(findings.watermark_key.value_or(SecretKey{})),
                       static_cast<int>(std::floor(-mark.log10_chance)));
    text += mark.payload ? "; payload " + hex(*mark.payload) : "; its payload cannot be read";
    if (mark.mirrored) text += "; mirrored";
    if (std::max(std::abs(mark.scale_x - 1), std::abs(mark.scale_y - 1)) > 0.005)
      text += fmt::format("; scaled to {:.2f} by {:.2f}", mark.scale_x, mark.scale_y);
  }
  text += fmt::format(" in {} {}", mark.frames, mark.frames == 1 ? "frame" : "frames");
  if (!mark.damage.empty()) text += "; the rest cannot be decoded: " + shown(mark.damage);
  return text;
}

std::string log_text(const OriginFindings& findings) {
  if (!findings.made_here) return "this installation's log does not know it";
  const OutputRecord& record = *findings.made_here;
  return fmt::format("{}: job {}, {}, {}, {}", is_this_file(findings) ? "made here, this very file" : "made here",
                     shown(record.job.substr(0, 12)), shown(record.time), shown(record.model),
                     shown(record.output.native()));
}

}  // namespace

// That a mark which the manifest speaks of is not found is no contradiction: of few or small frames it cannot be read.
std::vector<std::string> contradictions(const OriginFindings& findings) {
  std::vector<std::string> faults;
  const ManifestReport& manifest = findings.manifest;
  if (!holds(manifest) || !findings.watermark_key || !findings.watermark || !findings.watermark->found) return faults;
  if (!says_a_model_made_it(manifest))
    faults.push_back("the frames carry the watermark of a generated video, the manifest does not say that it is one");
  // What the video was made from may have brought its own mark along.
  if (!manifest.ingredients.empty()) return faults;
  const std::optional<std::uint64_t> payload = findings.watermark->payload;
  const std::string claimed_key = text_in(manifest.watermark, "key_id");
  const std::string key = watermark_key_id(*findings.watermark_key);
  if (claimed_key.empty()) {
    faults.push_back("the frames carry this installation's watermark, of which the manifest says nothing");
  } else if (claimed_key != key) {
    faults.push_back(
        fmt::format("the frames carry the watermark of key {}, the manifest names key {}", key, shown(claimed_key)));
  } else if (payload && text_in(manifest.watermark, "payload_hmac_sha256") !=
                            watermark_payload_digest(*findings.watermark_key, *payload)) {
    faults.push_back("the watermark's payload is that of another video than the manifest's");
  }
  return faults;
}

bool is_verified(const OriginFindings& findings) {
  if (findings.manifest.state == ManifestState::invalid || !contradictions(findings).empty()) return false;
  return findings.manifest.state == ManifestState::trusted || findings.made_here.has_value();
}

std::string text_of(const OriginFindings& findings) {
  std::string text =
      fmt::format("{}: {}\n", printable(findings.file, 300), is_verified(findings) ? "verified" : "NOT VERIFIED");
  const auto line = [&](std::string_view subject, const std::string& what) {
    text += fmt::format("  {:<10} {}\n", subject, what);
  };
  line("manifest", manifest_text(findings.manifest));
  for (const IngredientReport& ingredient : findings.manifest.ingredients)
    line("made from", ingredient_text(ingredient));
  line("watermark", watermark_text(findings));
  line("log", log_text(findings));
  for (const std::string& fault : contradictions(findings)) line("BUT", fault);
  return text;
}

ordered_json json_of(const OriginFindings& findings) {
  ordered_json json{{"file", findings.file},
                    {"verified", is_verified(findings)},
                    {"sha256", findings.sha256},
                    {"manifest", to_json(findings.manifest)},
                    {"watermark", nullptr},
                    {"made_here", nullptr},
                    {"contradictions", contradictions(findings)}};
  if (findings.watermark) {
    const WatermarkFinding& mark = *findings.watermark;
    json["watermark"] = {{"found", mark.found},
                         {"key_id", findings.watermark_key ? watermark_key_id(*findings.watermark_key) : ""},
                         {"score", mark.score},
                         {"log10_chance", mark.log10_chance},
                         {"payload", mark.payload ? ordered_json(hex(*mark.payload)) : ordered_json()},
                         {"mirrored", mark.mirrored},
                         {"scale", {mark.scale_x, mark.scale_y}},
                         {"frames", mark.frames},
                         {"damage", mark.damage}};
  } else {
    json["watermark"] = {{"found", nullptr}, {"reason", findings.unmarked}};
  }
  if (findings.made_here) {
    const OutputRecord& record = *findings.made_here;
    json["made_here"] = {{"job", record.job},       {"time", record.time},
                         {"model", record.model},   {"output", record.output.string()},
                         {"sha256", record.sha256}, {"this_file", is_this_file(findings)}};
  }
  return json;
}

}  // namespace sora
