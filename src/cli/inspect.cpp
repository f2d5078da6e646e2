// sora-gen inspect: what a checkpoint is, from its configs and the headers of its weights.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/command.h"
#include "cli/component_facts.h"
#include "cli/model_path.h"
#include "cli/report.h"
#include "families/registry.h"
#include "sora/checkpoint.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

std::string human_count(std::int64_t count) {
  if (count >= 1'000'000'000) return fmt::format("{:.2f} B", static_cast<double>(count) / 1e9);
  return fmt::format("{:.2f} M", static_cast<double>(count) / 1e6);
}

std::string inspect_text(const Checkpoint& checkpoint, const Traits& traits, std::string_view makes,
                         const std::vector<Component>& components) {
  const Defaults& defaults = traits.defaults;
  const int multiple = traits.compression.space * traits.patch[2];
  std::string text;
  const auto line = [&](std::string_view label, const std::string& value) {
    text += fmt::format("{:<10} {}\n", label, value);
  };
  line("model", printable(checkpoint.folder().string(), 200));
  line("pipeline", printable(checkpoint.pipeline()));
  line("family", traits.family);
  line("makes", std::string(makes));
  line("defaults", fmt::format("{}, {} frames at {} fps, {} steps, guidance scale {}{}", to_string(defaults.size),
                               defaults.num_frames, to_string(defaults.fps), defaults.steps, defaults.guidance_scale,
                               defaults.guidance_scale_2 ? fmt::format(" and {}", *defaults.guidance_scale_2) : ""));
  const int most_frames = pixel_frames_of(traits.max_latent_frames, traits.compression);
  line("limits",
       fmt::format("multiples of {} up to {} pixels a side, {}, {} text tokens", multiple,
                   traits.max_latent_side * traits.compression.space,
                   can(traits, Skill::windows) ? fmt::format("any length in windows of {} frames (at most {})",
                                                             defaults.window_frames, most_frames)
                                               : fmt::format("{} frames", most_frames),
                   traits.max_sequence_length));
  const std::vector<std::string_view> skills = skills_of(traits);
  line("also can", skills.empty() ? "nothing" : fmt::format("{}", fmt::join(skills, ", ")));
  text += fmt::format("\n{:<16} {:<28} {:>10} {:>9} {:>5}  {}\n", "component", "class", "parameters", "size", "files",
                      "type");
  for (const Component& component : components) {
    const bool weights = !component.files.empty();
    const std::string row =
        fmt::format("{:<16} {:<28} {:>10} {:>9} {:>5}  {}", printable(component.name), printable(component.class_name),
                    weights ? human_count(component.parameters) : "", weights ? human_bytes(component.bytes) : "",
                    weights ? std::to_string(component.files.size()) : "", fmt::join(component.types, ", "));
    text += row.substr(0, row.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

ordered_json inspect_json(const Checkpoint& checkpoint, const Traits& traits, std::string_view makes,
                          const std::vector<Component>& components) {
  const Defaults& defaults = traits.defaults;
  ordered_json list = ordered_json::array();
  for (const Component& component : components) {
    list.push_back({{"name", component.name},
                    {"class", component.class_name},
                    {"parameters", component.parameters},
                    {"types", component.types},
                    {"bytes", component.bytes},
                    {"files", component.files}});
  }
  ordered_json scale_2;
  if (defaults.guidance_scale_2) scale_2 = *defaults.guidance_scale_2;
  return {{"exit", 0},
          {"model", checkpoint.folder().string()},
          {"pipeline", checkpoint.pipeline()},
          {"family", traits.family},
          {"makes", makes},
          {"also_can", skills_of(traits)},
          {"defaults",
           {{"size", to_string(defaults.size)},
            {"num_frames", defaults.num_frames},
            {"fps", to_string(defaults.fps)},
            {"steps", defaults.steps},
            {"guidance_scale", defaults.guidance_scale},
            {"guidance_scale_2", scale_2},
            {"negative_prompt", defaults.negative_prompt},
            {"window_frames", defaults.window_frames},
            {"overlap_frames", defaults.overlap_frames}}},
          {"limits",
           {{"size_multiple", {traits.compression.space * traits.patch[2], traits.compression.space * traits.patch[1]}},
            {"side", traits.max_latent_side * traits.compression.space},
            {can(traits, Skill::windows) ? "window_frames" : "num_frames",
             pixel_frames_of(traits.max_latent_frames, traits.compression)},
            {"max_sequence_length", traits.max_sequence_length}}},
          {"components", list}};
}

std::string_view what_it_makes(const Checkpoint& checkpoint) {
  for (const Family& family : families()) {
    if (family.pipeline == checkpoint.pipeline()) return family.what;
  }
  return "";
}

}  // namespace

void run_inspect(const Inspect& options) {
  const Checkpoint checkpoint(model_folder(options.model));
  const Traits traits = read_traits(checkpoint);
  const std::vector<Component> components = read_components(checkpoint);
  const std::string_view makes = what_it_makes(checkpoint);
  if (options.json)
    write_json(inspect_json(checkpoint, traits, makes, components));
  else
    write_result(inspect_text(checkpoint, traits, makes, components));
}

}  // namespace sora
