#include "support/reference_run.h"

#include <fmt/ranges.h>

#include <fstream>
#include <utility>

#include "sora/checkpoint.h"
#include "support/clips.h"
#include "support/files.h"

namespace sora::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr int kFps = 24;  // the SkyReels-V2 pipelines' default, which their transformer is told

// Of names in a call's arguments, the flags that have the same values.
constexpr std::pair<const char*, const char*> kFlags[] = {{"prompt", "prompt"},
                                                          {"negative_prompt", "negative-prompt"},
                                                          {"num_frames", "num-frames"},
                                                          {"num_inference_steps", "steps"},
                                                          {"guidance_scale", "guidance-scale"},
                                                          {"guidance_scale_2", "guidance-scale-2"},
                                                          {"max_sequence_length", "max-sequence-length"},
                                                          {"strength", "strength"},
                                                          {"base_num_frames", "window-frames"},
                                                          {"overlap_history", "overlap-frames"},
                                                          {"ar_step", "ar-step"},
                                                          {"causal_block_size", "causal-block-size"},
                                                          {"addnoise_condition", "addnoise-condition"}};

StoredTensor stored(const std::string& run, const std::string& name) {
  const auto tensors = read_safetensors_header(test::data("ref/" + run + ".safetensors")).tensors;
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::runtime_error(run + " keeps no " + name);
  return found->second;
}

// [H, W, 3], [T, H, W, 3] or [T, H, W] as pictures in colour.
Film film_of(const std::string& run, const std::string& name) {
  const std::vector<std::int64_t> shape = stored(run, name).shape;
  const std::vector<std::uint8_t> bytes = bytes_of_run(run, name);
  const bool colour = shape.back() == 3;
  const std::size_t sides = shape.size() - (colour ? 3 : 2);  // where height stands
  Film film{static_cast<int>(shape[sides + 1]), static_cast<int>(shape[sides]), {}};
  const auto pixels = static_cast<std::size_t>(film.width * film.height);
  const std::size_t frame = colour ? 3 * pixels : pixels;
  for (std::size_t begin = 0; begin < bytes.size(); begin += frame) {
    Rgb rgb;
    for (std::size_t i = 0; i < 3 * pixels; ++i) rgb.push_back(bytes[begin + (colour ? i : i / 3)]);
    film.frames.push_back(rgb);
  }
  return film;
}

// What was given, in the flags' own order.
Words media_flags(const std::string& run, const fs::path& folder) {
  Words flags;
  for (const auto& [name, tensor] : read_safetensors_header(test::data("ref/" + run + ".safetensors")).tensors) {
    if (!name.starts_with("input.")) continue;
    const std::string kind = name.substr(6);
    const Film film = film_of(run, name);
    if (kind == "video" || kind == "mask") {
      flags.insert(flags.end(), {"--" + kind, write_clip(folder / (kind + ".mov"), film, kFps)});
      continue;
    }
    const std::string flag = kind == "image" ? "--image" : kind == "last_image" ? "--last-image" : "--reference-image";
    flags.insert(flags.end(), {flag, write_picture(folder / (kind + ".png"), film)});
  }
  if (!flags.empty()) flags.insert(flags.end(), {"--resize", "stretch"});
  return flags;
}

Words argument_flags(JsonObject& args) {
  Words flags{"--size", fmt::format("{}x{}", args.read<int>("width"), args.read<int>("height"))};
  for (const auto& [name, flag] : kFlags) {
    if (!args.has(name)) continue;
    const bool text = std::string_view(name).ends_with("prompt");
    flags.insert(flags.end(), {"--" + std::string(flag),
                               text ? args.read<std::string>(name) : fmt::format("{}", args.read<double>(name))});
  }
  if (args.has("conditioning_scale")) {
    const auto scales = args.read<std::vector<double>>("conditioning_scale");
    flags.insert(flags.end(), {"--conditioning-scale", fmt::format("{}", fmt::join(scales, ","))});
  }
  return flags;
}

// The reference's video to video of diffusion forcing goes on from a clip, and counts what it saw of it.
void go_on(Words& flags, int num_frames, int overlap) {
  *std::find(flags.begin(), flags.end(), "--video") = "--extend";
  const auto length = std::find(flags.begin(), flags.end(), "--num-frames");
  *length = "--extend-frames";
  *(length + 1) = std::to_string(num_frames - overlap);
}

}  // namespace

std::vector<std::uint8_t> bytes_of_run(const std::string& run, const std::string& tensor) {
  const StoredTensor found = stored(run, tensor);
  std::ifstream stream(test::data("ref/" + run + ".safetensors"), std::ios::binary);
  stream.seekg(found.begin);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(found.end - found.begin));
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

Words flags_of_run(const std::string& run, const fs::path& folder) {
  JsonObject call = JsonObject::from_file(test::data("ref/" + run + ".json"));
  JsonObject args = call.read_object("args");
  const std::string pipeline = call.read<std::string>("pipeline");
  const bool forcing = pipeline.find("DiffusionForcing") != pipeline.npos;
  Words flags = argument_flags(args);
  flags.insert(flags.end(), {"--seed", std::to_string(call.read<std::int64_t>("seed"))});
  if (forcing && !args.has("addnoise_condition")) flags.insert(flags.end(), {"--addnoise-condition", "0"});
  const Words media = media_flags(run, folder);
  flags.insert(flags.end(), media.begin(), media.end());
  if (forcing && args.has("video")) go_on(flags, args.read<int>("num_frames"), args.read<int>("overlap_history"));
  // Of one checkpoint the pipeline that is not in its index was called, which shows what it was given as it decodes it.
  if (run.starts_with("wan22_ti2v/") && !media.empty()) flags.insert(flags.end(), {"--keep-given", "no"});
  if (run.ends_with("tiled")) {
    const bool small = run.starts_with("wan21_t2v/");
    flags.insert(flags.end(), {"--vae-tile-size", small ? "32x32" : "32x48"});
    flags.insert(flags.end(), {"--vae-tile-stride", small ? "24x24" : "16x32"});
  }
  return flags;
}

}  // namespace sora::test
