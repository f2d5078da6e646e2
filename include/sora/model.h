// The parts of a video model as interfaces. Common currency: latents [1, C, T, H, W] in fp32, timesteps [T], one per
// latent frame, in 0..1000. Every network packs and casts inside itself.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "sora/plan.h"
#include "sora/tensor.h"
#include "sora/weights.h"

namespace sora {

/// What a text encoder makes of a prompt. The reference pads with zero rows to `padded_length`, and models were trained
/// to attend to that padding; only the rows of real tokens are kept here.
struct TextEmbedding {
  Tensor states;  ///< [1, n, D]: one row per token, </s> included
  std::int64_t padded_length = 0;
};

class TextEncoder {
 public:
  virtual ~TextEncoder() = default;
  /// Of each prompt its n token ids, </s> last, no padding. padded_length: n ... the model's max_sequence_length. An
  /// embedding does not depend on the other prompts; together they take less time.
  virtual std::vector<TextEmbedding> encode(const std::vector<std::vector<std::int64_t>>& prompts,
                                            std::int64_t padded_length) const = 0;
};

struct Frames;

class ImageEncoder {
 public:
  virtual ~ImageEncoder() = default;
  /// `pictures`: one frame each, of any sizes, as the user gave them (not fitted to the video) -> Context::image, in
  /// the encoder's dtype.
  virtual Tensor encode(const std::vector<Frames>& pictures) const = 0;
};

/// All that a denoiser is told besides the latents and their timesteps.
struct Context {
  TextEmbedding text;
  Tensor image = {};    ///< an image encoder's states [images, rows, D]; undefined for models without one
  Tensor control = {};  ///< VACE's control [1, C, T, H, W], on the grid of the latents; undefined for other models
  std::vector<double> control_scale = {};  ///< of each layer that sees the control, or one for all; empty: 1
  double fps = 0;                          ///< of the video, for models that were trained at several
  int causal_block = 0;  ///< latent frames of a block that sees itself and those before; 0: as the model's config says
};

/// Velocity (or noise) that a denoiser predicts: (latents [1, C, T, H, W], timesteps [T]) -> [1, C_out, T, H, W] in the
/// denoiser's dtype.
using PredictFn = std::function<Tensor(const Tensor& latents, const Tensor& timesteps)>;

class Denoiser {
 public:
  virtual ~Denoiser() = default;
  /// The denoiser bound to one prompt: keys and values of text and image are computed here, once, not at every step.
  /// The function must not outlive the denoiser.
  virtual PredictFn bind(const Context& context) = 0;
  /// The type that latents are rounded to on their way in, and that predictions come in.
  virtual at::ScalarType dtype() const = 0;
};

/// Pixels that leave a decoder, in order: [1, 3, n, H, W] in -1..1.
using PixelsFn = std::function<void(const Tensor& pixels)>;

/// Whether more of a video follows a piece of it. Behind the last one nothing need be remembered, which saves memory.
enum class Piece { more_follow, last };

/// One video on its way into a VAE. It must not outlive the VAE.
class VideoEncoder {
 public:
  virtual ~VideoEncoder() = default;
  /// The next pixels [1, 3, n, H, W] in -1..1, 1 + 4k in the first call and 4k in all others -> their normalised
  /// latents: the posterior's mean, (mean - latents_mean) / latents_std. Latents do not depend on how many pixel frames
  /// a call brings, and memory not on how many there were before.
  virtual Tensor encode(const Tensor& pixels, Piece piece) = 0;
};

/// One video on its way out of a VAE. It must not outlive the VAE.
class VideoDecoder {
 public:
  virtual ~VideoDecoder() = default;
  /// The next normalised latents [1, C, T, H, W] -> their pixels, emitted as soon as they exist. Pixels do not depend
  /// on how many latent frames a call brings, and memory not on how many there were before.
  virtual void decode(const Tensor& latents, Piece piece, const PixelsFn& emit) = 0;
};

class Vae {
 public:
  virtual ~Vae() = default;
  /// A new video: the first frame that it encodes becomes a latent frame of its own.
  virtual std::unique_ptr<VideoEncoder> begin_encoding(const std::optional<Tiling>& tiling) const = 0;
  /// A new video: the first latent frame that it decodes becomes one frame, all others several.
  virtual std::unique_ptr<VideoDecoder> begin_decoding(const std::optional<Tiling>& tiling) const = 0;
  /// A whole video, [1, 3, 1 + 4k, H, W].
  Tensor encode(const Tensor& pixels, const std::optional<Tiling>& tiling) const {
    return begin_encoding(tiling)->encode(pixels, Piece::last);
  }
};

/// Born with its timesteps; one object per sampling run.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual int steps() const = 0;
  virtual double timestep(int i) const = 0;
  /// The share of noise at step i, 1 to 0; sigma(steps()) is what the last step arrives at.
  virtual double sigma(int i) const = 0;
  /// Step i: from x at timestep(i) to the next; `prediction` is the denoiser's velocity for x. Steps come in order; the
  /// first may be any.
  virtual Tensor step(int i, const Tensor& prediction, const Tensor& x) = 0;
};

struct Model {
  at::Device device = at::kCPU;
  std::unique_ptr<Denoiser> denoiser;  ///< not there where there is nothing to sample
  std::unique_ptr<Vae> vae;
  std::function<std::unique_ptr<Scheduler>(int steps)> make_scheduler;
};

}  // namespace sora
