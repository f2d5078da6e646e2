// SkyReelsV2Transformer3DModel (diffusers): WanTransformer3DModel with timesteps embedded in fp64 and, for diffusion
// forcing, attention that sees blocks of frames in order and an embedding of the frame rate.
#include <ATen/ATen.h>

#include <optional>

#include "networks/networks.h"
#include "networks/wan_backbone.h"
#include "nn/trace.h"

namespace sora {
namespace {

/// fps_embedding and fps_projection: one of two frame rates as a part of every block's modulation.
struct FrameRateEmbedding {
  Tensor rates;  // [2, C]: of 16 frames a second, of any other number
  Linear in, out;

  FrameRateEmbedding(const Weights& weights, const WanTransformerConfig& config)
      : rates(weights.take("fps_embedding.weight", {2, config.width()})),
        in(weights.sub("fps_projection.net.0.proj"), config.width(), config.width()),
        out(weights.sub("fps_projection.net.2"), config.width(), 6 * config.width()) {}

  Tensor operator()(double fps) const {
    require(fps > 0, Fault::bug, "this transformer needs the frame rate");
    const Tensor projected = out(at::silu(in(rates.narrow(0, fps == 16 ? 0 : 1, 1))));  // [1, 6 · C]
    trace("fps_projection", projected);
    return projected;
  }
};

class SkyReelsV2Transformer final : public Denoiser {
 public:
  SkyReelsV2Transformer(const SkyReelsV2TransformerConfig& config, const Weights& weights, BlockWeights place)
      : frames_per_block_(config.num_frame_per_block), backbone_(weights, config.transformer, Sinusoids::fp64, place) {
    if (config.inject_sample_info) frame_rate_.emplace(weights, config.transformer);
  }

  at::ScalarType dtype() const override { return backbone_.dtype(); }
  PredictFn bind(const Context& context) override;

 private:
  std::int64_t causal_tokens(const TokenGrid& grid, std::int64_t frames_per_block) const;

  std::int64_t frames_per_block_;
  WanBackbone backbone_;
  std::optional<FrameRateEmbedding> frame_rate_;
};

PredictFn SkyReelsV2Transformer::bind(const Context& context) {
  const std::int64_t frames_per_block = context.causal_block > 0 ? context.causal_block : frames_per_block_;
  return [this, frames_per_block, keys = backbone_.blocks().keys_of(backbone_.embed(context)),
          frame_rate = frame_rate_ ? (*frame_rate_)(context.fps) : Tensor(),
          rotary = RotaryCache()](const Tensor& latents, const Tensor& timesteps) mutable {
    const TokenGrid grid = backbone_.grid_of(latents);
    const SelfAttentionPattern pattern{rotary.at(grid, backbone_), causal_tokens(grid, frames_per_block)};
    return backbone_.predict(latents, backbone_.embed_time(timesteps, grid, frame_rate), pattern, keys);
  };
}

// As in the reference, blocks of one frame mean that there are none: every token sees all.
std::int64_t SkyReelsV2Transformer::causal_tokens(const TokenGrid& grid, std::int64_t frames_per_block) const {
  if (frames_per_block == 1) return 0;
  require(grid[0] % frames_per_block == 0, Fault::bug, "{} latent frames are no whole number of blocks of {}", grid[0],
          frames_per_block);
  return frames_per_block * grid[1] * grid[2];
}

}  // namespace

std::unique_ptr<Denoiser> make_skyreels_v2_transformer(const SkyReelsV2TransformerConfig& config,
                                                       const Weights& weights, BlockWeights place) {
  return std::make_unique<SkyReelsV2Transformer>(config, weights, place);
}

}  // namespace sora
