// From a wish to a plan: Request (optionals) + Traits (what the checkpoint can do) -> Plan (none). Pure; no weight is
// read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sora/geometry.h"
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
};

/// What a network costs, linear in its items and quadratic in their number. Items are tokens; for a VAE's decoder they
/// are pixels: of the whole video for the FLOPs, of the frames of one latent frame for the activations.
struct NetworkCost {
  std::int64_t parameters = 0;
  double flop_per_item = 0;    ///< multiply and add counted as two
  double flop_per_pair = 0;    ///< attention: times items squared
  double values_per_item = 0;  ///< activations alive at once at the peak, in values
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
  Defaults defaults;
};

/// Classifier-free guidance, as the reference has it: on if `scale` > 1, whatever `scale_2` says.
struct Guidance {
  double scale = 1, scale_2 = 1;
  std::optional<double> boundary;  ///< timestep at and above which `scale` holds; below it `scale_2`
  bool on() const { return scale > 1; }
  double at(double timestep) const { return boundary && timestep < *boundary ? scale_2 : scale; }
};

/// A run of latent frames that is denoised at once: [first, first + shape.frames).
struct Window {
  LatentShape shape;
  int first = 0;
  std::int64_t tokens = 0;  ///< of the denoiser: latents over its patch
};

/// What the engine takes before it has read a weight: LibTorch's and libav's code and buffers (measured on the CPU).
inline constexpr std::int64_t kEngineBytes = 300'000'000;

struct Cost {
  double text_flop = 0, sample_flop = 0, decode_flop = 0;
  std::int64_t text_bytes = 0, sample_bytes = 0, decode_bytes = 0;  ///< peak memory of each stage
  std::int64_t output_bytes = 0;                                    ///< a guess from size, length and crf
};

struct Plan {
  std::string prompt, negative_prompt;
  PixelSize size;
  int pixel_frames = 0;     ///< what the user gets
  int rendered_frames = 0;  ///< what the model renders; the end is trimmed
  LatentShape latent;
  Rational fps;
  int steps = 0;
  Guidance guidance;
  int max_sequence_length = 0;
  std::uint64_t seed = 0;
  bool seed_drawn = false;
  std::vector<Window> windows;
  std::optional<Tiling> vae_tiling;
  Placement placement;
  OutputOptions output;
  Cost cost;
};

/// Every question answered, or Error{usage} that names the flag, what was given and what would be right.
/// `drawn_seed` is used where the request has no seed.
Plan make_plan(const Request& request, const Traits& traits, const Placement& placement, std::uint64_t drawn_seed);

}  // namespace sora
