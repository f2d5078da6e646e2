// From a wish to a plan: Request (optionals) + Traits (what the checkpoint can do) -> Plan (none). Pure; no weight is
// read.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sora/geometry.h"
#include "sora/media_info.h"
#include "sora/placement.h"
#include "sora/request.h"

namespace sora {

/// What a checkpoint renders when the user does not say. From configs/*.json (families/defaults.cpp).
struct Defaults {
  PixelSize size;
  int num_frames = 0;
  Rational fps;
  int steps = 0;
  double guidance_scale = 0;
  std::optional<double> guidance_scale_2;
  std::string negative_prompt;
  int window_frames = 0, overlap_frames = 0;  ///< pixel frames that are denoised at once, and that two windows share
};

/// Which pixels a checkpoint takes besides the prompt.
enum class GivenSupport {
  nothing,
  first_frame,                ///< the first frame, without which it makes nothing
  first_frame_maybe_last,     ///< the first frame, which it needs, and the last
  first_and_last_frame,       ///< both, and not one without the other
  latent_frames,              ///< any latent frames, each wholly: they stand clean among the noisy ones
  pixels,                     ///< any pixels of any frames, and reference images
  leading_frames_maybe_last,  ///< clean latent frames at the start, and one right after the end
};

/// How given pixels reach the denoiser.
enum class GivenUse {
  none,
  clean_frames,    ///< their latents stand in the window at timestep 0
  image_channels,  ///< their latents and a mask are further input channels; an image encoder may add to the context
  control,         ///< with the mask and the reference images they steer a branch of the denoiser
  noised,  ///< sampling starts from their noised latents, and puts them back at each step where the mask is black
};

/// How a video longer than one window is made.
enum class Continuation {
  none,          ///< it is not: one window, however long
  blended,       ///< overlapping windows are denoised together and their predictions blended; such videos tend to loop
  clean_prefix,  ///< the end of one window stands clean, at timestep 0, at the start of the next
  forcing,       ///< the same, by diffusion forcing: a timestep and a scheduler for each latent frame
};

/// Settings of diffusion forcing.
struct Forcing {
  int block = 1;        ///< latent frames that are denoised in step
  int ar_step = 0;      ///< steps that a block is ahead of the next one; 0: all are denoised in step
  double addnoise = 0;  ///< noise on the known frames of a window, and the timestep that says so
  double noisiest =
      999;  ///< timestep of a frame whose denoising has not begun: the last that the model was trained with
  bool operator==(const Forcing&) const = default;
};

/// What a user may ask for and not every checkpoint can do.
enum class Skill {
  first_frame,
  last_frame,
  given_frames,  ///< any frames
  extension,
  backward_extension,
  connection,
  infill,
  video_to_video,
  reference_images,
  windows,  ///< more than one window, or a prompt that changes
  forcing,
};
inline constexpr std::array kSkills{
    Skill::first_frame,        Skill::last_frame, Skill::given_frames, Skill::extension,
    Skill::backward_extension, Skill::connection, Skill::infill,       Skill::video_to_video,
    Skill::reference_images,   Skill::windows,    Skill::forcing};
std::string_view to_string(Skill skill);  // "start from given frames", ...

/// What a network costs, linear in its items and quadratic in their number. Items are tokens; for a VAE's decoder they
/// are pixels: of the whole video for the FLOPs, of the frames of one latent frame for the activations.
struct NetworkCost {
  std::int64_t parameters = 0;
  double flop_per_item = 0;        ///< multiply and add counted as two
  double flop_per_pair = 0;        ///< attention: times items squared
  double values_per_item = 0;      ///< activations alive at once at the peak, in values
  double remembered_per_item = 0;  ///< those of them that a VAE keeps from one latent frame to the next
  /// Parameters that may stay on the host until they are used, and how many of them are fetched at once.
  std::int64_t block_parameters = 0, fetched_parameters = 0;
};

/// What the planner must know of a checkpoint; read from its configs alone.
struct Traits {
  std::string family;  ///< "Wan 2.2 TI2V", for people
  Compression compression;
  std::array<int, 3> patch{1, 1, 1};  ///< of the denoiser: time, height, width, in latents
  int latent_channels = 0;
  int max_latent_frames = 0, max_latent_side = 0;  ///< limits of the rotary tables, in latents
  int max_sequence_length = 512;                   ///< text tokens, padding included
  std::int64_t train_timesteps = 1000;
  std::optional<double> boundary_ratio;  ///< two experts: timesteps >= ratio * 1000 go to the first
  std::optional<int> max_steps;
  NetworkCost text_encoder, denoiser, vae_decoder;  ///< denoiser: of one expert
  GivenSupport given = GivenSupport::nothing;
  bool video_to_video = false;  ///< whether sampling may start from a noised video
  /// With GivenSupport::latent_frames: its pipeline in diffusers takes a first frame, and shows it as it is decoded.
  bool decodes_first_frame = false;
  int control_layers = 0;  ///< of the denoiser, that see a control
  Continuation continuation = Continuation::none;
  Forcing forcing;                 ///< defaults; with Continuation::forcing only
  bool fixed_text_length = false;  ///< the text is always padded to max_sequence_length
  /// Checkpoints that have a skill, for people; what a refusal ends with.
  std::map<Skill, std::string> who_can;
  Defaults defaults;
};

/// Whether a checkpoint can do what a user may ask for.
bool can(const Traits& traits, Skill skill);

/// Classifier-free guidance, as the reference has it: on if `scale` > 1, whatever `scale_2` says.
struct Guidance {
  double scale = 1, scale_2 = 1;
  std::optional<double> boundary;  ///< timestep at and above which `scale` holds; below it `scale_2`
  bool on() const { return scale > 1; }
  double at(double timestep) const { return boundary && timestep < *boundary ? scale_2 : scale; }
};

/// A run of latent frames that is denoised at once: [first, first + shape.frames). A plan's windows stand in the order
/// in which they are sampled.
struct Window {
  LatentShape shape;
  int first = 0;
  std::int64_t tokens = 0;  ///< of the denoiser: latents over its patch, reference images included
  int context = 0;          ///< its leading latent frames that are known from the windows before it in this order ...
  int context_after = 0;    ///< ... and its trailing ones: a clip is extended backwards from its start
  int scene = 0;            ///< index in Plan::scenes; one prompt holds for the whole window

  int end() const { return first + shape.frames; }
  bool operator==(const Window&) const = default;
};

/// Pixels that the model sees. Frames count from the start of what the model renders (see Plan::shown).
struct GivenSpan {
  std::filesystem::path media;
  bool image = false;
  int source_first = 0;  ///< frames [source_first, source_first + count) of the media, read at the plan's fps, ...
  int count = 0;
  int at = 0;  ///< are the frames [at, at + count); at == rendered_frames: a frame right after the end, not shown
  /// Latent frames that the span fills: those that it covers, or the one of its first frame if it covers none; that
  /// one's other pixel frames repeat the nearest of the span.
  FrameRange latents;
  /// Its frames (where the mask is black, if there is one) appear in the output as they are, not as they are decoded.
  bool kept = true;
  bool changed = false;  ///< --video: without a mask, all of its pixels are generated
  std::string flag;      ///< "--image": for messages
  bool operator==(const GivenSpan&) const = default;
};

/// Frames of a clip, read at the plan's fps.
struct ClipPart {
  std::filesystem::path media;
  FrameRange frames;
  bool operator==(const ClipPart&) const = default;
};

/// Which pixels are generated (white) and which stay (black); for all frames of the model's video, beginning with its
/// first.
struct Mask {
  std::filesystem::path media;
  bool image = false;  ///< one for all frames
};

/// A prompt and where it begins to hold.
struct Scene {
  int first = 0;  ///< latent frame
  std::string prompt;
  bool operator==(const Scene&) const = default;
};

struct Sampling {
  GivenUse given = GivenUse::none;
  Continuation continuation = Continuation::none;  ///< forcing: with a single window too; the others only with several
  double strength = 1;                             ///< with GivenUse::noised: the share of the steps that are made
  std::optional<Forcing> forcing;                  ///< with Continuation::forcing
};

/// What the engine takes before it has read a weight: LibTorch's and libav's code and buffers (measured on the CPU).
inline constexpr std::int64_t kEngineBytes = 300'000'000;

/// What a plan needs; memory is host memory on the CPU, and else the device's.
struct Cost {
  double text_flop = 0, sample_flop = 0, decode_flop = 0;
  double first_step_flop = 0;                                       ///< of sample_flop, the first step's
  std::int64_t text_bytes = 0, sample_bytes = 0, decode_bytes = 0;  ///< peak memory of each stage
  std::int64_t output_bytes = 0;                                    ///< a guess from size, length and crf
};

/// By which rules the prompts were let through.
struct PolicyName {
  std::string id, sha256;
  bool operator==(const PolicyName&) const = default;
};

/// A classifier that the frames must pass before they are published.
struct FrameCheck {
  std::filesystem::path module;  ///< TorchScript, as README.md describes it
  double threshold = 0.5;        ///< a score at or above it refuses
};

struct Plan {
  std::string prompt, negative_prompt;
  PixelSize size;
  int pixel_frames = 0;     ///< what the user gets: before, shown and after
  int rendered_frames = 0;  ///< what the model renders
  FrameRange shown;         ///< of rendered_frames: what goes to the output; the rest is trimmed
  LatentShape latent;
  Compression compression;
  Rational fps;
  int steps = 0;
  Guidance guidance;
  int max_sequence_length = 0;
  std::uint64_t seed = 0;
  bool seed_drawn = false;
  Sampling sampling;
  std::vector<Window> windows;
  std::vector<Scene> scenes;       ///< in order; the first is `prompt`, at 0
  std::vector<GivenSpan> given;    ///< in order, without overlap
  std::optional<ClipPart> before;  ///< frames of a clip that go to the output as they are, unseen by the model ...
  std::optional<ClipPart> after;   ///< ... before what is shown and after it
  std::optional<Mask> mask;
  std::vector<std::filesystem::path> reference_images;
  std::vector<double> conditioning_scale;  ///< of the control: empty for 1, one number, or one a layer that sees it
  Resize resize = Resize::crop;            ///< how all of these pictures come to `size`
  std::optional<Tiling> vae_tiling;
  /// The large weights of the denoiser's blocks are fetched from the host when a block runs: the same latents, later.
  bool offload_blocks = false;
  /// The denoiser leaves the memory before the last windows are decoded, for which there would be no room beside it.
  bool unload_denoiser = false;
  Placement placement;
  OutputOptions output;
  ProvenanceOptions provenance;
  PolicyName policy;
  std::optional<FrameCheck> frame_check;
  Cost cost;
};

/// The last so many of plan.steps are made: all, or int(steps * strength) of a noised video, as in the reference.
int steps_made(const Plan& plan);

/// Size, fps and length of an image or a clip. Throws Error{input}.
using MediaProbe = std::function<MediaInfo(const std::filesystem::path&)>;

/// Every question answered, or Error{usage} that names the flag, what was given and what would be right.
/// `drawn_seed` is used where the request has no seed; `probe` is called only if images or clips are given.
Plan make_plan(const Request& request, const Traits& traits, const Placement& placement, std::uint64_t drawn_seed,
               const MediaProbe& probe = {});

}  // namespace sora
