// The main path: a plan and a loaded model become frames in a sink.
#pragma once

#include <cstdint>
#include <span>

#include "sora/plan.h"
#include "sora/progress.h"

namespace sora {

struct Model;
struct Context;

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

/// Without `used_again`, the model's denoiser is gone once there is nothing more to sample.
/// The negative context is not used where guidance is off. Throws Error{input} if latents become NaN or infinite.
void render(const Plan& plan, const Context& positive, const Context& negative, Model& model, FrameSink& sink,
            Progress& progress);

}  // namespace sora
