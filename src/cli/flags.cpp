// All commands and flags. A new flag is a row here, and nothing else in cli/.
#include "cli/flags.h"

#include <algorithm>
#include <array>

#include "base/name_template.h"
#include "base/output_name.h"
#include "cli/media_value.h"
#include "cli/variations.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr std::array<std::string_view, 4> kGenerated{"man", "complete-bash", "complete-zsh", "complete-fish"};
constexpr std::array<std::string_view, 4> kProgressKinds{"auto", "tty", "json", "none"};
constexpr std::array<std::string_view, 2> kLaunchers{"auto", "none"};
constexpr std::array<std::string_view, 3> kDevices{"auto", "cpu", "cuda"};
constexpr std::array<std::string_view, 3> kDtypes{"auto", "fp32", "bf16"};
constexpr std::array<std::string_view, 3> kResizes{"crop", "pad", "stretch"};
constexpr std::array<std::string_view, 3> kKeyAlgorithms{"es256", "es384", "ed25519"};
constexpr std::array<std::string_view, 4> kWatermarks{"off", "invisible", "visible", "both"};
constexpr std::array<std::string_view, 3> kAutoYesNo{"auto", "yes", "no"};

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
  const std::string& word = value.text;
  if (word == "auto")
    options.placement.dtype.reset();
  else
    options.placement.dtype = word == "bf16" ? Dtype::bf16 : Dtype::fp32;
}

void set_progress(Generate& options, const Value& value) {
  const std::string& word = value.text;
  options.progress = word == "tty"    ? ProgressKind::terminal
                     : word == "json" ? ProgressKind::json_lines
                     : word == "none" ? ProgressKind::none
                                      : ProgressKind::automatic;
}

void set_resize(Generate& options, const Value& value) {
  const std::string& word = value.text;
  options.request.resize = word == "pad" ? Resize::pad : word == "stretch" ? Resize::stretch : Resize::crop;
}

// Of kAutoYesNo: empty for auto.
std::optional<bool> yes_or_no(const Value& value) {
  return value.text == "auto" ? std::nullopt : std::optional(value.text == "yes");
}

void set_keep_given(Generate& options, const Value& value) { options.request.keep_given = yes_or_no(value); }

void set_conditioning_scale(Generate& options, const Value& value) {
  std::vector<double>& scales = options.request.conditioning_scale;
  for (std::size_t begin = 0; begin <= value.text.size();) {
    const std::size_t end = std::min(value.text.find(',', begin), value.text.size());
    if (end == begin) value.fail_expected("a number from 0 to 10, or several with commas between them");
    scales.push_back(Value{value.origin, value.text.substr(begin, end - begin)}.number(0, 10));
    begin = end + 1;
  }
}

void set_sidecar(Generate& options, const Value& value) { options.sidecar = yes_or_no(value); }

// The values of --connect come one by one.
void set_connect(Generate& options, const Value& value) {
  std::optional<Connect>& connect = options.request.connect;
  if (!connect)
    connect = Connect{file_of(value), {}};
  else
    connect->to = file_of(value);
}

void set_output(Generate& options, const Value& value) {
  OutputOptions& output = options.request.output;
  output.path = file_of(value);
  try {
    output.root = NameTemplate(output.path).root();
  } catch (const Error& error) {
    throw error.within(value.origin);
  }
}

void set_config(Generate& options, const Value& value) { options.config = file_of(value); }

void set_watermark(Generate& options, const Value& value) {
  const std::string& word = value.text;
  options.request.provenance.watermark = word == "off"       ? WatermarkKind::off
                                         : word == "visible" ? WatermarkKind::visible
                                         : word == "both"    ? WatermarkKind::both
                                                             : WatermarkKind::invisible;
}

void set_tsa(Generate& options, const Value& value) {
  if (!value.text.starts_with("http://") && !value.text.starts_with("https://"))
    value.fail_expected("the URL of a time-stamp authority, such as http://timestamp.example.org");
  options.request.provenance.tsa = value.text;
}

void set_model(Generate& options, const Value& value) {
  if (value.text.empty()) value.fail_expected("a folder or a hub id such as Wan-AI/Wan2.1-T2V-1.3B-Diffusers");
  options.model = value.text;
}

constexpr std::string_view kWhat = "what to make";
constexpr std::string_view kMany = "many videos at once";
constexpr std::string_view kFrom = "images and clips to make it from";
constexpr std::string_view kHow = "how to sample it";
constexpr std::string_view kOutput = "the output file";
constexpr std::string_view kOrigin = "what it says of its origin";
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
     "diffusers folder, or hub id in the local Hugging Face cache [tiny-world, shipped]", set_model, Scope::video,
     kModels},
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

    {kMany, "prompts", 0, text, "FILE",
     "a video for each line of a .txt, .jsonl or .csv file; - reads lines from standard input",
     [](G& o, const V& v) { o.prompts = file_of(v); }, Scope::run, kFiles},
    {kMany, "seeds", 0, text, "LIST", "a video for each seed: 1..4, or 1,5,9, or 1..3,7",
     [](G& o, const V& v) { o.seeds = seeds_of(v); }},
    {kMany, "num-videos", 0, integer, "N", "so many videos of each prompt, 1 to 10000, with seeds from --seed on [1]",
     [](G& o, const V& v) { o.num_videos = v.integer(1, kMostVariations); }},

    {kMany, "retry-failed", 0, nothing, "", "try again what failed when the same command ran before",
     [](G& o, const V&) { o.retry_failed = true; }, Scope::run},
    {kMany, "fail-fast", 0, nothing, "", "stop at the first video that fails",
     [](G& o, const V&) { o.fail_fast = true; }, Scope::run},

    {kFrom, "image", 0, text, "FILE", "the first frame",
     [](G& o, const V& v) {
       o.request.given.push_back({"--image", file_of(v), {}, 0});
     },
     Scope::video, kFiles},
    {kFrom, "last-image", 0, text, "FILE", "the last frame",
     [](G& o, const V& v) {
       o.request.given.push_back({"--last-image", file_of(v), {}, -1});
     },
     Scope::video, kFiles},
    {kFrom, "given", 0, texts, "FILE[#A-B]@N",
     "an image, or a clip's frames (A to B) at frame N; -1 is the last; may be given again",
     [](G& o, const V& v) { o.request.given.push_back(given_of(v)); }, Scope::video, kFiles},
    {kFrom, "extend", 0, text, "CLIP", "a clip that goes on; its own frames stay as they are",
     [](G& o, const V& v) { o.request.extend = file_of(v); }, Scope::video, kFiles},
    {kFrom, "backward", 0, nothing, "", "with --extend: what comes before the clip",
     [](G& o, const V&) { o.request.backward = true; }},
    {kFrom, "connect", 0, two_texts, "A B", "two clips or images, and what leads from A to B", set_connect,
     Scope::video, kFiles},
    {kFrom, "extend-frames", 0, integer, "N", "new frames of --extend or --connect [one window]",
     [](G& o, const V& v) { o.request.extend_frames = v.integer(1, 100'000); }},
    {kFrom, "video", 0, text, "CLIP", "a clip that is changed: as a whole, or where --mask is white",
     [](G& o, const V& v) { o.request.video = file_of(v); }, Scope::video, kFiles},
    {kFrom, "strength", 0, number, "X", "how much of --video is changed, above 0 to 1 [0.8; with --mask 1]",
     [](G& o, const V& v) { o.request.strength = v.positive(1); }},
    {kFrom, "mask", 0, text, "FILE", "image or clip for --video or --given; white is generated, black stays",
     [](G& o, const V& v) { o.request.mask = file_of(v); }, Scope::video, kFiles},
    {kFrom, "reference-image", 0, texts, "FILE", "what someone or something looks like; may be given again",
     [](G& o, const V& v) { o.request.reference_images.emplace_back(file_of(v)); }, Scope::video, kFiles},
    {kFrom, "conditioning-scale", 0, text, "X",
     "how hard VACE is steered by all this, 0 to 10; X,X,... for each layer [1]", set_conditioning_scale},
    {kFrom, "resize", 0, text, "KIND", "how pictures come to the video's size: crop, pad or stretch [crop]", set_resize,
     Scope::video, one_of(kResizes)},
    {kFrom, "keep-given", 0, text, "KIND",
     "given frames come out as they are: yes, no (as the VAE shows them) or auto [auto]", set_keep_given, Scope::video,
     one_of(kAutoYesNo)},

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
     "x.mp4, {slug}-{seed}.mp4, frames/%05d.png, x.png for one frame, null: or md5: [sora-gen-SEED.mp4]", set_output,
     Scope::video, kFiles},
    {kOutput, "crf", 0, integer, "N", "quality of x264, 0 (lossless) to 51 [18]",
     [](G& o, const V& v) { o.request.output.crf = v.integer(0, 51); }},
    {kOutput, "preset", 0, text, "NAME", "speed of x264, ultrafast to placebo [medium]",
     [](G& o, const V& v) { o.request.output.preset = v.text; }, Scope::video, such_as(kPresets)},
    {kOutput, "sidecar", 0, text, "KIND",
     "OUTPUT.json beside the video, with all settings and figures: yes, no or auto [auto: with --prompts]", set_sidecar,
     Scope::run, one_of(kAutoYesNo)},
    {kOutput, "overwrite", 0, nothing, "", "replace the output if it is there already",
     [](G& o, const V&) { o.request.output.overwrite = true; }},
    {kOutput, "poster", 0, nothing, "", "also x.poster.png beside x.mp4: the video's middle frame",
     [](G& o, const V&) { o.request.output.poster = true; }},
    {kOutput, "contact-sheet", 0, nothing, "", "also x.sheet.png beside x.mp4: up to 16 frames from first to last",
     [](G& o, const V&) { o.request.output.contact_sheet = true; }},
    {kOutput, "no-metadata", 0, nothing, "", "leave prompt and settings out of the MP4",
     [](G& o, const V&) { o.no_metadata = true; }},

    {kOrigin, "watermark", 0, text, "KIND", "marks in the pixels: off, invisible, visible or both [invisible]",
     set_watermark, Scope::video, one_of(kWatermarks)},
    {kOrigin, "no-provenance", 0, nothing, "", "no signed C2PA manifest: nobody can check what made the video",
     [](G& o, const V&) { o.request.provenance.sign = false; }},
    {kOrigin, "certificate", 0, text, "FILE",
     "PEM to sign with, the certificates that lead to its root after it [the user's own, made when first needed]",
     [](G& o, const V& v) { o.request.provenance.certificate = file_of(v); }, Scope::run, kFiles},
    {kOrigin, "key", 0, text, "FILE", "PEM of the certificate's private key",
     [](G& o, const V& v) { o.request.provenance.key = file_of(v); }, Scope::run, kFiles},
    {kOrigin, "passphrase-file", 0, text, "FILE", "of an encrypted key: its first line",
     [](G& o, const V& v) { o.request.provenance.passphrase_file = file_of(v); }, Scope::run, kFiles},
    {kOrigin, "tsa", 0, text, "URL", "time-stamp authority that attests when it was signed; the only use of a network",
     set_tsa, Scope::run},
    {kOrigin, "sign-prompt", 0, nothing, "", "the manifest has the prompt itself, not only its keyed hash",
     [](G& o, const V&) { o.request.provenance.sign_prompt = true; }},
    {kOrigin, "accept-broken-sources", 0, nothing, "", "go on with a picture or clip whose own manifest does not hold",
     [](G& o, const V&) { o.request.provenance.accept_broken_sources = true; }},
    {kOrigin, "no-audit", 0, nothing, "", "leave decisions and outputs out of this installation's log",
     [](G& o, const V&) { o.request.provenance.audit = false; }, Scope::run},
    {kOrigin, "audit-prompts", 0, nothing, "", "the log has the prompts themselves, not only their keyed hashes",
     [](G& o, const V&) { o.request.provenance.audit_prompts = true; }, Scope::run},

    {kWhere, "device", 0, text, "DEVICE",
     "auto, cpu, cuda or cuda:N [auto: cuda where there is a driver; a rank's own]", set_device, Scope::run,
     such_as(kDevices)},
    {kWhere, "dtype", 0, text, "TYPE", "auto, fp32 or bf16 [auto: bf16 where the hardware multiplies it]", set_dtype,
     Scope::run, one_of(kDtypes)},
    {kWhere, "threads", 0, integer, "N", "CPU threads, 1 to 1024 [one a core]",
     [](G& o, const V& v) { o.placement.threads = v.integer(1, 1024); }, Scope::run},
    {kWhere, "offload-blocks", 0, nothing, "",
     "fetch the denoiser's weights from host memory block by block: less memory, slower",
     [](G& o, const V&) { o.request.offload_blocks = true; }, Scope::run},
    {kWhere, "fit", 0, nothing, "", "off-load blocks and decode in tiles as far as the free memory asks for it",
     [](G& o, const V&) { o.fit = true; }, Scope::run},
    {kWhere, "launcher", 0, text, "KIND", "auto, or none: take no notice of torchrun, srun and mpirun [auto]",
     [](G& o, const V& v) { o.ask_launcher = v.text == "auto"; }, Scope::run, one_of(kLaunchers)},

    {kRun, "dry-run", 0, nothing, "", "print the plan and what it costs, and stop",
     [](G& o, const V&) { o.dry_run = true; }, Scope::run},
    {kRun, "calibrate", 0, nothing, "", "first measure this model and size by a short render, for the plan's time",
     [](G& o, const V&) { o.calibrate = true; }, Scope::run},
    {kRun, "from", 0, text, "FILE", "settings of a video that sora-gen has made, or of the .json beside it",
     [](G& o, const V& v) { o.from = file_of(v); }, Scope::command_line, kFiles},
    {kRun, "policy", 0, text, "FILE", "what prompts are refused for [the policy that ships with sora-gen]",
     [](G& o, const V& v) { o.policy = file_of(v); }, Scope::run, kFiles},
    {kRun, "frame-checker", 0, text, "FILE", "TorchScript classifier that can refuse the video by its frames",
     [](G& o, const V& v) { o.request.frame_checker = file_of(v); }, Scope::run, kFiles},
    {kRun, "frame-threshold", 0, number, "X", "the score from which on a frame is refused, above 0 to 1 [0.5]",
     [](G& o, const V& v) { o.request.frame_threshold = v.positive(1); }, Scope::run},
    {kRun, "config", 0, text, "FILE",
     "JSON object of flags, such as {\"steps\": 30}, or none [the user's own file, see below]", set_config,
     Scope::command_line, kFiles},
    {kRun, "progress", 0, text, "KIND", "auto, tty, json (lines on standard error) or none [auto]", set_progress,
     Scope::run, one_of(kProgressKinds)},
    {kRun, "json", 0, nothing, "", "print the result as one JSON object", [](G& o, const V&) { o.json = true; },
     Scope::run},
    {kRun, "quiet", 'q', nothing, "", "nothing but errors on standard error", [](G& o, const V&) { o.quiet = true; },
     Scope::run},
    {kRun, "verbose", 'v', nothing, "", "also the plan and the time of each stage",
     [](G& o, const V&) { o.verbose = true; }, Scope::run},
    {kRun, "generate", 0, text, "KIND", "print man (the manual page), complete-bash, complete-zsh or complete-fish",
     [](G& o, const V& v) { o.generate = v.text; }, Scope::command_line, one_of(kGenerated)},
    {kRun, "version", 0, nothing, "", "print the version and stop", [](G& o, const V&) { o.version = true; },
     Scope::command_line},
    {kRun, "help", 'h', nothing, "", "print this and stop", [](G& o, const V&) { o.help = true; }, Scope::command_line},
};

template <class Options>
constexpr Flag<Options> kJson{
    "flags", "json", 0, nothing, "", "print one JSON object", [](Options& o, const V&) { o.json = true; }};
template <class Options>
constexpr Flag<Options> kHelp{"flags",
                              "help",
                              'h',
                              nothing,
                              "",
                              "print this and stop",
                              [](Options& o, const V&) { o.help = true; },
                              Scope::command_line};

constexpr Flag<Inspect> kInspectFlags[] = {kJson<Inspect>, kHelp<Inspect>};
constexpr Flag<Doctor> kDoctorFlags[] = {kJson<Doctor>, kHelp<Doctor>};
constexpr Flag<Models> kModelsFlags[] = {
    {"flags", "names", 0, nothing, "", "print the names alone, as --model takes them",
     [](Models& o, const V&) { o.names = true; }, Scope::command_line},
    kJson<Models>,
    kHelp<Models>,
};
constexpr Flag<VerifyModels> kVerifyModelsFlags[] = {kJson<VerifyModels>, kHelp<VerifyModels>};
constexpr Flag<Keygen> kKeygenFlags[] = {
    {"flags", "algorithm", 0, text, "NAME", "es256, es384 or ed25519 [es256, which every validator knows]",
     [](Keygen& o, const V& v) { o.algorithm = v.text; }, Scope::command_line, one_of(kKeyAlgorithms)},
    {"flags", "name", 0, text, "TEXT", "the owner that the certificates name, 1 to 64 characters [sora-gen]",
     [](Keygen& o, const V& v) { o.name = v.text; }, Scope::command_line},
    {"flags", "years", 0, integer, "N", "that the certificates hold, 1 to 100 [10]",
     [](Keygen& o, const V& v) { o.years = v.integer(1, 100); }, Scope::command_line},
    {"flags", "encrypt", 0, nothing, "", "encrypt the signing key; the passphrase is asked for at the terminal, or:",
     [](Keygen& o, const V&) { o.encrypt = true; }, Scope::command_line},
    {"flags", "passphrase-file", 0, text, "FILE", "encrypt the signing key with the file's first line",
     [](Keygen& o, const V& v) { o.passphrase_file = file_of(v); }, Scope::run, kFiles},
    {"flags", "folder", 0, text, "FOLDER", "where the keys are put [~/.local/share/sora-gen/keys]",
     [](Keygen& o, const V& v) { o.folder = file_of(v); }, Scope::command_line, kFiles},
    {"flags", "renew", 0, nothing, "", "new keys in place of those that are there, which are put aside",
     [](Keygen& o, const V&) { o.renew = true; }, Scope::command_line},
    kJson<Keygen>,
    kHelp<Keygen>,
};
constexpr Flag<Verify> kVerifyFlags[] = {
    {"flags", "trust", 0, texts, "FILE", "PEM of a root to trust besides this installation's own; may be given again",
     [](Verify& o, const V& v) { o.trust.emplace_back(file_of(v)); }, Scope::run, kFiles},
    kJson<Verify>,
    kHelp<Verify>,
};
constexpr Flag<VerifyAudit> kVerifyAuditFlags[] = {kJson<VerifyAudit>, kHelp<VerifyAudit>};

template <class Options>
constexpr Flag<Options> kPolicy{"flags",
                                "policy",
                                0,
                                text,
                                "FILE",
                                "another policy than the one that ships with sora-gen",
                                [](Options& o, const V& v) { o.policy = file_of(v); },
                                Scope::run,
                                kFiles};
constexpr Flag<PolicyShow> kPolicyShowFlags[] = {kPolicy<PolicyShow>, kJson<PolicyShow>, kHelp<PolicyShow>};
constexpr Flag<PolicyCheck> kPolicyCheckFlags[] = {kPolicy<PolicyCheck>, kJson<PolicyCheck>, kHelp<PolicyCheck>};
constexpr Flag<PolicyEval> kPolicyEvalFlags[] = {
    {"flags", "positives", 0, text, "DIR", "what should be refused: files CATEGORY.txt, a prompt a line",
     [](PolicyEval& o, const V& v) { o.positives = file_of(v); }, Scope::command_line, kFiles},
    {"flags", "negatives", 0, text, "FILE", "what should be made, a prompt a line",
     [](PolicyEval& o, const V& v) { o.negatives = file_of(v); }, Scope::command_line, kFiles},
    {"flags", "prevalence", 0, number, "X", "how much of all prompts should be refused, for the precision [0.01]",
     [](PolicyEval& o, const V& v) { o.prevalence = v.positive(1); }, Scope::command_line},
    kPolicy<PolicyEval>,
    kJson<PolicyEval>,
    kHelp<PolicyEval>,
};

template <class Options>
std::vector<FlagInfo> described(std::span<const Flag<Options>> flags) {
  std::vector<FlagInfo> infos;
  for (const Flag<Options>& flag : flags) infos.push_back(flag.info());
  return infos;
}

constexpr std::string_view kInspectText =
    R"(Says what a checkpoint is and what it can make, from its configs and headers; no weight is read.
MODEL is a diffusers folder, or a hub id in the local Hugging Face cache [tiny-world, shipped].)";

constexpr std::string_view kModelsText =
    R"(Lists the checkpoints that ship with sora-gen and those in the local Hugging Face cache: what they are, their size
on disk, what they can make besides videos from text, and why those that cannot be used cannot.)";

constexpr std::string_view kVerifyModelsText =
    R"(Reads every file of each MODEL [all that sora-gen models lists] and compares it with the hash that the Hugging Face
cache, a file SHA256SUMS in the folder, or what hf download left there says it has. Exit code 7 if a file is damaged,
else 4 if one is missing.)";

constexpr std::string_view kKeygenText =
    R"(Makes the keys that videos are signed and marked with: a root, an issuing CA and a signing certificate, a key for the
watermark and one for the audit log. The first render does it, too, with what is the default here. Who is given root.pem
can recognise the videos; who gets hold of the keys can forge them.)";

constexpr std::string_view kVerifyText =
    R"(Says of each FILE, a video from anywhere, what its C2PA manifest claims and whether that holds, whether its frames
carry this installation's watermark, and whether this installation's log knows it; and whether these agree. Exit code 7
unless each is signed by a root that is trusted, or known to the log, and nothing speaks against it.)";

constexpr std::string_view kVerifyAuditText =
    R"(Reads the log of what was decided and made [~/.local/share/sora-gen/audit.jsonl] and names the first record that was
changed, taken out or put in; exit code 7 if there is one. That the last records were cut off cannot be seen.)";

constexpr std::string_view kPolicyText =
    R"(Says which policy holds: its name, its file, the SHA-256 of the file and its lists, and its categories.)";

constexpr std::string_view kPolicyCheckText =
    R"(Says which rules of the prompt policy TEXT, or what is on standard input, matches, and at which bytes; of
sexual_minors not where. Exit code 8 if it would be refused.)";

constexpr std::string_view kPolicyEvalText =
    R"(Measures a policy: how much of the prompts in each DIR/*.txt and in FILE it refuses, with 95 % Wilson intervals, as
they are and in disguises. A file of DIR that has a category's name is also counted for that category alone. No prompt
is printed.)";

}  // namespace

std::span<const Flag<Generate>> generate_flags() { return kGenerateFlags; }
std::span<const Flag<Inspect>> inspect_flags() { return kInspectFlags; }
std::span<const Flag<Doctor>> doctor_flags() { return kDoctorFlags; }
std::span<const Flag<Models>> models_flags() { return kModelsFlags; }
std::span<const Flag<VerifyModels>> verify_models_flags() { return kVerifyModelsFlags; }

std::span<const Flag<Keygen>> keygen_flags() { return kKeygenFlags; }
std::span<const Flag<Verify>> verify_flags() { return kVerifyFlags; }
std::span<const Flag<VerifyAudit>> verify_audit_flags() { return kVerifyAuditFlags; }
std::span<const Flag<PolicyShow>> policy_flags() { return kPolicyShowFlags; }
std::span<const Flag<PolicyCheck>> policy_check_flags() { return kPolicyCheckFlags; }
std::span<const Flag<PolicyEval>> policy_eval_flags() { return kPolicyEvalFlags; }

std::vector<CommandInfo> commands() {
  return {
      {"",
       "--prompt TEXT [FLAG ...]",
       "",
       "sora-gen makes videos from text, images and clips, offline, with a Hugging Face diffusers checkpoint.",
       {},
       described(generate_flags())},
      {"inspect", "[MODEL]", "what a checkpoint is and what it can make", kInspectText, kModels,
       described(inspect_flags())},
      {"models", "", "which checkpoints are on this machine", kModelsText, {}, described(models_flags())},
      {"models verify", "[MODEL ...]", "whether their files are whole", kVerifyModelsText, kModels,
       described(verify_models_flags())},
      {"verify", "FILE ...", "where videos come from", kVerifyText, kFiles, described(verify_flags())},
      {"keygen", "", "the keys that videos are signed and marked with", kKeygenText, {}, described(keygen_flags())},
      {"audit verify", "[FILE]", "whether the log of what was made is whole", kVerifyAuditText, kFiles,
       described(verify_audit_flags())},
      {"policy", "", "what prompts are refused for", kPolicyText, {}, described(policy_flags())},
      {"policy check", "[TEXT|-]", "whether a text is refused", kPolicyCheckText, {}, described(policy_check_flags())},
      {"policy eval", "[FLAG ...]", "how often that is right", kPolicyEvalText, {}, described(policy_eval_flags())},
      {"doctor",
       "",
       "what this machine and this installation have",
       "Checks this machine and this installation; exit code 4 if a part that is needed is missing.",
       {},
       described(doctor_flags())},
  };
}

std::vector<NextWord> next_words(std::string_view command) {
  const std::size_t start = command.empty() ? 0 : command.size() + 1;
  std::vector<NextWord> words;
  for (const CommandInfo& info : commands()) {
    if (info.name.size() <= start || !info.name.starts_with(command)) continue;
    // "audit" is a word, although only "audit verify" is a command.
    const std::string_view word = info.name.substr(start, info.name.find(' ', start) - start);
    const bool known = std::any_of(words.begin(), words.end(), [&](const NextWord& next) { return next.word == word; });
    if (!known) words.push_back({word, info.summary});
  }
  return words;
}

}  // namespace sora
