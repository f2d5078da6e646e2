// WanTransformer3DModel (diffusers): patches of latents as tokens, self-attention with 3-D rotary positions,
// cross-attention to the text and to images, and per block a modulation made from the timestep.
#include <ATen/ATen.h>

#include "networks/networks.h"
#include "networks/wan_backbone.h"

namespace sora {
namespace {

class WanTransformer final : public Denoiser {
 public:
  WanTransformer(const WanTransformerConfig& config, const Weights& weights, BlockWeights place)
      : backbone_(weights, config, Sinusoids::fp32, place) {}

  at::ScalarType dtype() const override { return backbone_.dtype(); }

  PredictFn bind(const Context& context) override {
    return [this, keys = backbone_.blocks().keys_of(backbone_.embed(context)), rotary = RotaryCache()](
               const Tensor& latents, const Tensor& timesteps) mutable {
      const TokenGrid grid = backbone_.grid_of(latents);
      return backbone_.predict(latents, backbone_.embed_time(timesteps, grid), {rotary.at(grid, backbone_)}, keys);
    };
  }

 private:
  WanBackbone backbone_;
};

}  // namespace

std::unique_ptr<Denoiser> make_wan_transformer(const WanTransformerConfig& config, const Weights& weights,
                                               BlockWeights place) {
  return std::make_unique<WanTransformer>(config, weights, place);
}

}  // namespace sora
