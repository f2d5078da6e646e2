// The main path: per window, sample, then decode as a stream into the sink.
#include "sora/render.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/interrupt.h"
#include "base/machine.h"
#include "render/rng.h"
#include "render/sample.h"
#include "sora/error.h"
#include "sora/model.h"

namespace sora {
namespace {

// Pixels [1, 3, n, H, W] in -1..1 -> 8 bit [n, H, W, 3] on the host, rounded half to even as the reference's PIL output
// is.
Tensor to_8bit(const Tensor& pixels) {
  const Tensor unit = (pixels * 0.5 + 0.5).clamp_(0, 1);
  return unit.mul_(255).round_().to(at::kByte).squeeze(0).permute({1, 2, 3, 0}).contiguous().cpu();
}

// Passes decoded pixels on until the plan's frame count is reached; what the model renders beyond it is dropped.
class TrimmedOutput {
 public:
  TrimmedOutput(const Plan& plan, FrameSink& sink, Progress& progress) : plan_(plan), sink_(sink), progress_(progress) {
    progress_.update(Stage::decode, 0, plan_.pixel_frames);
  }

  void write(const Tensor& pixels) {
    check_interrupted();
    require(at::isfinite(pixels).all().item<bool>(), Fault::input,
            "decoded pixels are not finite at frame {}: the VAE's weights are damaged or do not fit its config",
            written_);
    const auto count = static_cast<int>(std::min<std::int64_t>(pixels.size(2), plan_.pixel_frames - written_));
    if (count == 0) return;
    const Tensor rgb = to_8bit(pixels.narrow(2, 0, count));
    sink_.write({count,
                 static_cast<int>(rgb.size(1)),
                 static_cast<int>(rgb.size(2)),
                 {rgb.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(rgb.numel())}});
    written_ += count;
    progress_.update(Stage::decode, written_, plan_.pixel_frames);
  }

 private:
  const Plan& plan_;
  FrameSink& sink_;
  Progress& progress_;
  int written_ = 0;
};

}  // namespace

void render(const Plan& plan, const Context& positive, const Context& negative, Model& model, FrameSink& sink,
            Progress& progress) {
  Rng rng(plan.seed);
  const at::Device device = positive.text.states.device();
  Tensor latents = at::empty(plan.latent.sizes(), at::TensorOptions(device).dtype(at::kFloat));
  for (const Window& window : plan.windows) {
    latents.narrow(2, window.first, window.shape.frames)
        .copy_(sample_flow({plan, window, positive, negative, model, device, rng, progress}));
  }
  if (!model.used_again) {
    model.denoiser.reset();
    return_free_memory();
  }
  TrimmedOutput output(plan, sink, progress);
  model.vae->begin_decoding(plan.vae_tiling)->decode(latents, [&](const Tensor& pixels) { output.write(pixels); });
  sink.finish();
}

}  // namespace sora
