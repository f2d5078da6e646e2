#include "cli/sidecar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/text.h"
#include "checkpoint/digests.h"
#include "cli/flags.h"
#include "cli/problems.h"
#include "cli/result_json.h"
#include "cli/settings.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr const char *kVersionKey = "sora-gen", *kSettingsKey = "settings";
constexpr std::int64_t kMostBytes = 16 << 20;

// Which videos there are and where they go is not what a video is.
constexpr std::array<std::string_view, 9> kNotOfTheVideo{"output",  "overwrite",   "seeds",  "num-videos",   "from",
                                                         "sidecar", "no-metadata", "poster", "contact-sheet"};

ordered_json value_json(const Flag<Generate>& flag, const std::vector<std::string>& texts) {
  switch (flag.takes) {
    case Takes::nothing:
      return !texts.empty();
    case Takes::text:
    case Takes::fraction:
      return texts.at(0);
    case Takes::two_texts:
    case Takes::texts:
      return texts;
    case Takes::integer: {
      std::uint64_t value = 0;  // a seed may need all of them
      std::from_chars(texts.at(0).data(), texts.at(0).data() + texts.at(0).size(), value);
      return value;
    }
    case Takes::number:
      return std::strtod(texts.at(0).c_str(), nullptr);
  }
  return {};
}

// The length is said in several ways, of which one is enough; that of a clip which is changed or goes on is the clip's.
bool length_is_open(const Settings& said) {
  constexpr std::array<std::string_view, 6> kSayTheLength{"seconds", "num-frames", "extend-frames",
                                                          "extend",  "connect",    "video"};
  return std::none_of(kSayTheLength.begin(), kSayTheLength.end(),
                      [&](std::string_view name) { return said.contains(name); });
}

ordered_json answers_of(const Settings& said, const Plan& plan) {
  ordered_json json{{"prompt", plan.prompt},  // that of --prompt - was read elsewhere
                    {"seed", plan.seed},
                    {"size", to_string(plan.size)},
                    {"fps", to_string(plan.fps)},
                    {"steps", plan.steps},
                    {"guidance-scale", plan.guidance.scale},
                    {"max-sequence-length", plan.max_sequence_length},
                    {"device", device_name(plan.placement)},
                    {"dtype", dtype_name(plan.placement)},
                    {"crf", plan.output.crf},
                    {"preset", plan.output.preset}};
  if (length_is_open(said)) json["num-frames"] = plan.pixel_frames;
  if (plan.guidance.on()) json["negative-prompt"] = plan.negative_prompt;
  if (plan.guidance.boundary) json["guidance-scale-2"] = plan.guidance.scale_2;
  if (plan.placement.threads > 0) json["threads"] = plan.placement.threads;
  return json;
}

std::string text_of(const ordered_json& json) {
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

bool writes_sidecar(const Generate& options) { return options.sidecar.value_or(!options.prompts.empty()); }

fs::path sidecar_path(const fs::path& output) { return output.native() + ".json"; }

ordered_json settings_json(const Settings& said, const Plan& plan) {
  const ordered_json answers = answers_of(said, plan);
  ordered_json settings;
  for (const Flag<Generate>& flag : generate_flags()) {
    if (std::find(kNotOfTheVideo.begin(), kNotOfTheVideo.end(), flag.name) != kNotOfTheVideo.end()) continue;
    const std::string name(flag.name);
    const auto found = said.find(name);
    if (answers.contains(name))
      settings[name] = answers[name];
    else if (flag.scope == Scope::video && found != said.end() && !found->second.texts.empty())
      settings[name] = value_json(flag, found->second.texts);
  }
  return {{kVersionKey, SORA_VERSION}, {kSettingsKey, settings}};
}

std::string settings_text(const Settings& said, const Plan& plan) {
  return settings_json(said, plan).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ordered_json model_json(const Checkpoint& checkpoint, const std::string& family) {
  ordered_json files;
  for (const auto& [name, digest] : digests_of(checkpoint)) files[name] = digest;
  return {{"family", family}, {"folder", checkpoint.folder().string()}, {"sha256", files}};
}

void write_sidecar(const Settings& said, const Plan& plan, const JobResult& result, const ordered_json& model) {
  ordered_json json = settings_json(said, plan);
  json["result"] = result_json(plan, result);
  json["model"] = model;
  const std::string text = text_of(json);
  PartFile file(sidecar_path(plan.output.path), plan.output.overwrite, {}, plan.output.root);
  file.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  file.publish();
}

Settings settings_from(const fs::path& file) {
  const bool video = file.extension() != ".json";
  const std::string text = video ? engine().metadata(file) : read_file(file, kMostBytes, Fault::input);
  const ordered_json json = ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool ours = json.is_object() && json.contains(kVersionKey) && json.contains(kSettingsKey);
  require(ours, Fault::input,
          "--from {}: holds no settings of sora-gen; expected a video that it made, or the .json "
          "beside it",
          shown(file));
  Problems problems;
  Settings settings = read_settings(JsonObject(json[kSettingsKey].dump(), file, Fault::usage), Scope::run, problems);
  problems.throw_if_any();
  // A file from anywhere would say what is refused here.
  for (const std::string_view name : {"policy", "frame-checker", "frame-threshold"}) {
    require(!settings.contains(name), Fault::usage, "--from {}: has \"{}\"; give --{} on the command line", shown(file),
            name, name);
  }
  return settings;
}

}  // namespace sora
