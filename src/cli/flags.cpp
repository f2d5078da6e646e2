// All flags. A new one is a row here, and nothing else in cli/.
#include "cli/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/media_value.h"

namespace sora {
namespace {

constexpr std::array<std::string_view, 4> kProgressKinds{"auto", "tty", "json", "none"};
constexpr std::array<std::string_view, 3> kDtypes{"auto", "fp32", "bf16"};
constexpr std::array<std::string_view, 3> kResizes{"crop", "pad", "stretch"};
constexpr std::array<std::string_view, 3> kKeepGiven{"auto", "yes", "no"};

void set_device(Generate& options, const Value& value) {
  PlacementWish& wish = options.placement;
  const std::string& word = value.text;
  if (word == "auto")
    wish.device.reset();
  else if (word == "cpu")
    wish.device = DeviceKind::cpu;
  else if (word == "cuda")
    wish.device = DeviceKind::cuda;
  else if (word.rfind("cuda:", 0) == 0 && word.size() == 6 && word[5] >= '0' && word[5] <= '9') {
    wish.device = DeviceKind::cuda;
    wish.cuda_index = word[5] - '0';
  } else {
    value.fail_expected("auto, cpu, cuda or cuda:N with N from 0 to 9");
  }
}

void set_dtype(Generate& options, const Value& value) {
  const std::string& word = value.one_of(kDtypes);
  if (word == "auto")
    options.placement.dtype.reset();
  else
    options.placement.dtype = word == "bf16" ? Dtype::bf16 : Dtype::fp32;
}

void set_progress(Generate& options, const Value& value) {
  const std::string& word = value.one_of(kProgressKinds);
  options.progress = word == "tty"    ? ProgressKind::terminal
                     : word == "json" ? ProgressKind::json_lines
                     : word == "none" ? ProgressKind::none
                                      : ProgressKind::automatic;
}

void set_resize(Generate& options, const Value& value) {
  const std::string& word = value.one_of(kResizes);
  options.request.resize = word == "pad" ? Resize::pad : word == "stretch" ? Resize::stretch : Resize::crop;
}

void set_keep_given(Generate& options, const Value& value) {
  const std::string& word = value.one_of(kKeepGiven);
  if (word == "auto")
    options.request.keep_given.reset();
  else
    options.request.keep_given = word == "yes";
}

void set_conditioning_scale(Generate& options, const Value& value) {
  std::vector<double>& scales = options.request.conditioning_scale;
  for (std::size_t begin = 0; begin <= value.text.size();) {
    const std::size_t end = std::min(value.text.find(',', begin), value.text.size());
    if (end == begin) value.fail_expected("a number from 0 to 10, or several with commas between them");
    scales.push_back(Value{value.origin, value.text.substr(begin, end - begin)}.number(0, 10));
    begin = end + 1;
  }
}

// The values of --connect come one by one.
void set_connect(Generate& options, const Value& value) {
  std::optional<Connect>& connect = options.request.connect;
  if (!connect)
    connect = Connect{file_of(value), {}};
  else
    connect->to = file_of(value);
}

void set_output(Generate& options, const Value& value) { options.request.output.path = file_of(value); }

void set_config(Generate& options, const Value& value) { options.config = file_of(value); }

void set_model(Generate& options, const Value& value) {
  if (value.text.empty()) value.fail_expected("a folder or a hub id such as Wan-AI/Wan2.1-T2V-1.3B-Diffusers");
  options.model = value.text;
}

constexpr std::string_view kWhat = "what to make";
constexpr std::string_view kFrom = "images and clips to make it from";
constexpr std::string_view kHow = "how to sample it";
constexpr std::string_view kOutput = "the output file";
constexpr std::string_view kWhere = "where to compute";
constexpr std::string_view kRun = "this run";

using enum Takes;
using G = Generate;
using V = Value;

constexpr Flag<Generate> kGenerateFlags[] = {
    {kWhat, "prompt", 'p', text, "TEXT", "what the video shows; - reads it from standard input",
     [](G& o, const V& v) {
       o.request.prompt = v.text;
       o.prompt_given = true;
     }},
    {kWhat, "negative-prompt", 'n', text, "TEXT", "what it should not show [the model's own]",
     [](G& o, const V& v) { o.request.negative_prompt = v.text; }},
    {kWhat, "scene", 0, texts, "S:TEXT", "from S seconds on the prompt is TEXT; may be given again for later scenes",
     [](G& o, const V& v) { o.request.scenes.push_back(scene_of(v)); }},
    {kWhat, "model", 'm', text, "MODEL",
     "diffusers folder, or hub id in the local Hugging Face cache [tiny-world, shipped]", set_model},
    {kWhat, "seconds", 0, number, "S",
     "length, rounded to whole frames; or:", [](G& o, const V& v) { o.request.seconds = v.positive(3600); }},
    {kWhat, "num-frames", 0, integer, "N", "length in frames, 1 to 100000 [the model's own]",
     [](G& o, const V& v) { o.request.num_frames = v.integer(1, 100'000); }},
    {kWhat, "size", 0, text, "WxH", "width and height in pixels, 16 to 8192 [the model's own]",
     [](G& o, const V& v) { o.request.size = v.size(16, 8192); }},
    {kWhat, "fps", 0, fraction, "FPS", "frames per second: 24, 23.976 or 24000/1001, up to 240 [the model's own]",
     [](G& o, const V& v) { o.request.fps = v.fraction(240); }},
    {kWhat, "seed", 0, integer, "N", "0 to 2^64-1; the same seed makes the same video [drawn, and printed]",
     [](G& o, const V& v) { o.request.seed = v.unsigned_integer(); }},

    {kFrom, "image", 0, text, "FILE", "the first frame",
     [](G& o, const V& v) {
       o.request.given.push_back({"--image", file_of(v), {}, 0});
     }},
    {kFrom, "last-image", 0, text, "FILE", "the last frame",
     [](G& o, const V& v) {
       o.request.given.push_back({"--last-image", file_of(v), {}, -1});
     }},
    {kFrom, "given", 0, texts, "FILE[#A-B]@N",
     "an image, or a clip's frames (A to B) at frame N; -1 is the last; may be given again",
     [](G& o, const V& v) { o.request.given.push_back(given_of(v)); }},
    {kFrom, "extend", 0, text, "CLIP", "a clip that goes on; its own frames stay as they are",
     [](G& o, const V& v) { o.request.extend = file_of(v); }},
    {kFrom, "backward", 0, nothing, "", "with --extend: what comes before the clip",
     [](G& o, const V&) { o.request.backward = true; }},
    {kFrom, "connect", 0, two_texts, "A B", "two clips or images, and what leads from A to B", set_connect},
    {kFrom, "extend-frames", 0, integer, "N", "new frames of --extend or --connect [one window]",
     [](G& o, const V& v) { o.request.extend_frames = v.integer(1, 100'000); }},
    {kFrom, "video", 0, text, "CLIP", "a clip that is changed: as a whole, or where --mask is white",
     [](G& o, const V& v) { o.request.video = file_of(v); }},
    {kFrom, "strength", 0, number, "X", "how much of --video is changed, above 0 to 1 [0.8; with --mask 1]",
     [](G& o, const V& v) { o.request.strength = v.positive(1); }},
    {kFrom, "mask", 0, text, "FILE", "image or clip for --video or --given; white is generated, black stays",
     [](G& o, const V& v) { o.request.mask = file_of(v); }},
    {kFrom, "reference-image", 0, texts, "FILE", "what someone or something looks like; may be given again",
     [](G& o, const V& v) { o.request.reference_images.emplace_back(file_of(v)); }},
    {kFrom, "conditioning-scale", 0, text, "X",
     "how hard VACE is steered by all this, 0 to 10; X,X,... for each layer [1]", set_conditioning_scale},
    {kFrom, "resize", 0, text, "KIND", "how pictures come to the video's size: crop, pad or stretch [crop]",
     set_resize},
    {kFrom, "keep-given", 0, text, "KIND",
     "given frames come out as they are: yes, no (as the VAE shows them) or auto [auto]", set_keep_given},

    {kHow, "steps", 0, integer, "N", "denoising steps, 1 to 1000 [the model's own]",
     [](G& o, const V& v) { o.request.steps = v.integer(1, 1000); }},
    {kHow, "guidance-scale", 0, number, "X",
     "0 to 100; above 1 the prompt pulls harder, at twice the time [the model's own]",
     [](G& o, const V& v) { o.request.guidance_scale = v.number(0, 100); }},
    {kHow, "guidance-scale-2", 0, number, "X", "for the second expert of a two-expert model [as --guidance-scale]",
     [](G& o, const V& v) { o.request.guidance_scale_2 = v.number(0, 100); }},
    {kHow, "max-sequence-length", 0, integer, "N", "text tokens that the model sees, padding included, 8 to 512 [512]",
     [](G& o, const V& v) { o.request.max_sequence_length = v.integer(8, 512); }},
    {kHow, "window-frames", 0, integer, "N", "frames that are denoised at once, 1 + a multiple of 4 [the model's own]",
     [](G& o, const V& v) { o.request.window_frames = v.integer(1, 100'000); }},
    {kHow, "overlap-frames", 0, integer, "N", "frames that two windows share, 1 + a multiple of 4 [the model's own]",
     [](G& o, const V& v) { o.request.overlap_frames = v.integer(1, 100'000); }},
    {kHow, "causal-block-size", 0, integer, "N",
     "of diffusion forcing: latent frames denoised in step [the model's own]",
     [](G& o, const V& v) { o.request.causal_block_size = v.integer(1, 1000); }},
    {kHow, "ar-step", 0, integer, "N", "of diffusion forcing: steps that a block is ahead of the next [0]",
     [](G& o, const V& v) { o.request.ar_step = v.integer(0, 1000); }},
    {kHow, "addnoise-condition", 0, number, "X",
     "of diffusion forcing: noise on the frames a window knows, 0 to 100 [20]",
     [](G& o, const V& v) { o.request.addnoise_condition = v.number(0, 100); }},
    {kHow, "vae-tile-size", 0, text, "WxH", "decode in overlapping tiles of this many pixels, in less memory",
     [](G& o, const V& v) { o.request.vae_tile_size = v.size(16, 8192); }},
    {kHow, "vae-tile-stride", 0, text, "WxH", "from one tile to the next [3/4 of the tile]",
     [](G& o, const V& v) { o.request.vae_tile_stride = v.size(8, 8192); }},

    {kOutput, "output", 'o', text, "FILE",
     "x.mp4, frames/%05d.png, x.png for one frame, null: or md5: [sora-gen-SEED.mp4]", set_output},
    {kOutput, "crf", 0, integer, "N", "quality of x264, 0 (lossless) to 51 [18]",
     [](G& o, const V& v) { o.request.output.crf = v.integer(0, 51); }},
    {kOutput, "preset", 0, text, "NAME", "speed of x264, ultrafast to placebo [medium]",
     [](G& o, const V& v) { o.request.output.preset = v.text; }},
    {kOutput, "overwrite", 0, nothing, "", "replace the output if it is there already",
     [](G& o, const V&) { o.request.output.overwrite = true; }},

    {kWhere, "device", 0, text, "DEVICE", "auto, cpu, cuda or cuda:N [auto: cuda where there is a driver]", set_device},
    {kWhere, "dtype", 0, text, "TYPE", "auto, fp32 or bf16 [auto: bf16 where the hardware multiplies it]", set_dtype},
    {kWhere, "threads", 0, integer, "N", "CPU threads, 1 to 1024 [one a core]",
     [](G& o, const V& v) { o.placement.threads = v.integer(1, 1024); }},
    {kWhere, "offload-blocks", 0, nothing, "",
     "fetch the denoiser's weights from host memory block by block: less memory, slower",
     [](G& o, const V&) { o.request.offload_blocks = true; }},
    {kWhere, "fit", 0, nothing, "", "off-load blocks and decode in tiles as far as the free memory asks for it",
     [](G& o, const V&) { o.fit = true; }},

    {kRun, "dry-run", 0, nothing, "", "print the plan and what it costs, and stop",
     [](G& o, const V&) { o.dry_run = true; }},
    {kRun, "config", 0, text, "FILE", "JSON object of flags, such as {\"steps\": 30}; flags given here win",
     set_config},
    {kRun, "progress", 0, text, "KIND", "auto, tty, json (lines on standard error) or none [auto]", set_progress},
    {kRun, "json", 0, nothing, "", "print the result as one JSON object", [](G& o, const V&) { o.json = true; }},
    {kRun, "quiet", 'q', nothing, "", "nothing but errors on standard error", [](G& o, const V&) { o.quiet = true; }},
    {kRun, "verbose", 'v', nothing, "", "also the plan and the time of each stage",
     [](G& o, const V&) { o.verbose = true; }},
    {kRun, "version", 0, nothing, "", "print the version and stop", [](G& o, const V&) { o.version = true; }},
    {kRun, "help", 'h', nothing, "", "print this and stop", [](G& o, const V&) { o.help = true; }},
};

constexpr Flag<Inspect> kInspectFlags[] = {
    {"flags", "json", 0, nothing, "", "print one JSON object", [](Inspect& o, const V&) { o.json = true; }},
    {"flags", "help", 'h', nothing, "", "print this and stop", [](Inspect& o, const V&) { o.help = true; }},
};

constexpr Flag<Doctor> kDoctorFlags[] = {
    {"flags", "json", 0, nothing, "", "print one JSON object", [](Doctor& o, const V&) { o.json = true; }},
    {"flags", "help", 'h', nothing, "", "print this and stop", [](Doctor& o, const V&) { o.help = true; }},
};

template <class Options>
std::string flag_lines(std::span<const Flag<Options>> flags) {
  std::string lines;
  std::string_view group;
  for (const Flag<Options>& flag : flags) {
    if (flag.group != group) lines += fmt::format("\n{}:\n", flag.group);
    group = flag.group;
    const std::string letter = flag.letter == '\0' ? "   " : fmt::format("-{},", flag.letter);
    const std::string usage = fmt::format("{} --{} {}", letter, flag.name, flag.value);
    lines += fmt::format("  {:<29} {}\n", usage, flag.help);
  }
  return lines;
}

constexpr std::string_view kShortHelp = R"(usage: sora-gen --prompt TEXT [FLAG ...]
       sora-gen inspect [MODEL] [--json]   what a checkpoint is and what it can make
       sora-gen doctor [--json]            what this machine and this installation have

examples:
  sora-gen --prompt "a red circle moves to the right" -o circle.mp4
  sora-gen -p "a cat in the snow" -m Wan-AI/Wan2.1-T2V-1.3B-Diffusers --seconds 5 --dry-run
  echo "a cat in the snow" | sora-gen --prompt - --seed 7 --json
  sora-gen -p "the ball bounces on" --extend circle.mp4 --seconds 10 -o longer.mp4
)";

}  // namespace

std::span<const Flag<Generate>> generate_flags() { return kGenerateFlags; }
std::span<const Flag<Inspect>> inspect_flags() { return kInspectFlags; }
std::span<const Flag<Doctor>> doctor_flags() { return kDoctorFlags; }

std::string_view short_help() { return kShortHelp; }

std::string generate_help() {
  return "sora-gen makes videos from text, images and clips, offline, with a Hugging Face diffusers checkpoint.\n\n" +
         std::string(kShortHelp) + flag_lines(generate_flags()) + R"(
exit codes: 0 done, 1 a bug of ours, 2 usage or config, 4 bad model or input file, 5 output, 6 out of memory,
130 and 143 interrupted
)";
}

std::string inspect_help() {
  return R"(usage: sora-gen inspect [MODEL] [--json]

Says what a checkpoint is and what it can make, from its configs and headers; no weight is read.
MODEL is a diffusers folder, or a hub id in the local Hugging Face cache [tiny-world, shipped].
)" + flag_lines(inspect_flags());
}

std::string doctor_help() {
  return R"(usage: sora-gen doctor [--json]

Checks this machine and this installation; exit code 4 if a part that is needed is missing.
)" + flag_lines(doctor_flags());
}

}  // namespace sora
