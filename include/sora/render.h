// The main path: a plan and a loaded model become frames in a sink.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "sora/frame_sink.h"
#include "sora/model.h"
#include "sora/plan.h"
#include "sora/progress.h"
#include "sora/quality.h"

namespace sora {

/// Where the user's pixels come from.
class PixelReader {
 public:
  virtual ~PixelReader() = default;
  /// 8-bit frames [count, H, W, 3] of an image or a clip, at the plan's fps and of its size. Throws Error{input}.
  virtual Tensor frames(const std::filesystem::path& media, const FrameRange& range) = 0;
  /// A reference image for VACE: whole, on white, [1, 3, 1, H, W] in -1..1. Throws Error{input}.
  virtual Tensor reference(const std::filesystem::path& image) = 0;
};

/// What the denoiser is told: one context for each of the plan's scenes, and the negative prompt's, which is not used
/// where guidance is off.
struct Contexts {
  std::vector<Context> scenes;
  Context negative;
};

/// The plan's windows, in the groups that are denoised together.
std::vector<std::span<const Window>> window_groups(const Plan& plan);

class SavedLatents;

/// Goes on after what `saved` holds of this video, and adds to it; if it holds all, neither contexts nor a denoiser are
/// needed. Throws Error{input} if latents become NaN or infinite. With plan.unload_denoiser, the model's denoiser
/// is gone once there is nothing more to sample.
/// `mark`, if there is one, marks what the model makes; pixels that were given stay as they are.
Quality render(const Plan& plan, Contexts contexts, Model& model, PixelReader& read, SavedLatents& saved,
               FrameSink& sink, Progress& progress, const MarkFrame& mark = {});

}  // namespace sora
