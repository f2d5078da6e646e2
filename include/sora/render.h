// The main path: a plan and a loaded model become frames in a sink.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "sora/model.h"
#include "sora/plan.h"
#include "sora/progress.h"

namespace sora {

/// `count` frames of 8-bit RGB, [count, height, width, 3], in host memory that belongs to the caller.
struct Frames {
  int count = 0, height = 0, width = 0;
  std::span<const std::uint8_t> rgb;
};

/// Where frames go. A sink that is destroyed before finish() leaves nothing under the output's final name.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void write(const Frames& frames) = 0;
  /// Everything is on disk under its final name when this returns.
  virtual void finish() = 0;
};

/// Where the user's pixels come from. Both may throw Error{input}.
struct PixelReader {
  /// 8-bit frames [count, H, W, 3] of an image or a clip, at the plan's fps, fitted to its size.
  std::function<Tensor(const std::filesystem::path& media, const FrameRange& range)> frames;
  /// A reference image for VACE: whole, on white, [1, 3, 1, H, W] in -1..1.
  std::function<Tensor(const std::filesystem::path& image)> reference;
};

/// What the denoiser is told: one context for each of the plan's scenes, and the negative prompt's, which is not used
/// where guidance is off.
struct Contexts {
  std::vector<Context> scenes;
  Context negative;
};

/// Throws Error{input} if latents become NaN or infinite. Without model.used_again, the model's denoiser is gone once
/// there is nothing more to sample.
void render(const Plan& plan, Contexts contexts, Model& model, const PixelReader& read, FrameSink& sink,
            Progress& progress);

}  // namespace sora
