// WanVACETransformer3DModel (diffusers): WanTransformer3DModel beside which a row of control blocks runs, over a
// control video and the latents. What each of them makes goes, projected, to the output of one main block as a hint.
#include <ATen/ATen.h>

#include "networks/networks.h"
#include "networks/wan_backbone.h"
#include "nn/trace.h"

namespace sora {
namespace {

/// What does not change from step to step.
struct BoundControl {
  TokenGrid grid;
  Tensor tokens;                  // [1, L, C]: what the first control block adds to the latents
  std::vector<ContextKeys> keys;  // of each control block
  std::vector<Tensor> scales;     // of each hint
};

class WanVaceTransformer final : public Denoiser {
 public:
  WanVaceTransformer(const WanVaceTransformerConfig& config, const Weights& weights, BlockWeights place);

  at::ScalarType dtype() const override { return backbone_.dtype(); }
  PredictFn bind(const Context& context) override;

 private:
  BoundControl bind_control(const Context& context, const EmbeddedContext& embedded);
  Tensor embed_control(const Tensor& control) const;
  std::vector<Tensor> hint_scales(const std::vector<double>& scales) const;
  Tensor predict(const Tensor& latents, const Tensor& timesteps, const SelfAttentionPattern& pattern,
                 const std::vector<ContextKeys>& keys, const BoundControl& control);

  WanVaceTransformerConfig config_;
  WanBackbone backbone_;
  PatchEmbedding vace_patch_embedding_;
  Linear proj_in_;
  WanBlocks control_blocks_;   // WanVACETransformerBlock without its projections
  std::vector<Linear> hints_;  // the projection of each control block's output
};

WanVaceTransformer::WanVaceTransformer(const WanVaceTransformerConfig& config, const Weights& weights,
                                       BlockWeights place)
    : config_(config),
      backbone_(weights, config.transformer, Sinusoids::fp32, place),
      vace_patch_embedding_(weights.sub("vace_patch_embedding"), config.transformer, config.vace_in_channels),
      proj_in_(weights.sub("vace_blocks.0.proj_in"), config.transformer.width(), config.transformer.width()),
      control_blocks_(weights.sub("vace_blocks"), config.transformer,
                      static_cast<std::int64_t>(config.vace_layers.size()), "vace_block", place) {
  for (std::size_t i = 0; i < config.vace_layers.size(); ++i) {
    hints_.emplace_back(weights.sub("vace_blocks").sub(static_cast<std::int64_t>(i)).sub("proj_out"),
                        config.transformer.width(), config.transformer.width());
  }
}

PredictFn WanVaceTransformer::bind(const Context& context) {
  const EmbeddedContext embedded = backbone_.embed(context);
  return [this, keys = backbone_.blocks().keys_of(embedded), control = bind_control(context, embedded),
          rotary = RotaryCache()](const Tensor& latents, const Tensor& timesteps) mutable {
    const TokenGrid grid = backbone_.grid_of(latents);
    require(grid == control.grid, Fault::bug, "latents of {} tokens, a control of {}", fmt::join(grid, " x "),
            fmt::join(control.grid, " x "));
    return predict(latents, timesteps, {rotary.at(grid, backbone_)}, keys, control);
  };
}

BoundControl WanVaceTransformer::bind_control(const Context& context, const EmbeddedContext& embedded) {
  require(context.control.defined(), Fault::bug, "this transformer needs a control");
  return {backbone_.grid_of(context.control, config_.vace_in_channels), embed_control(context.control),
          control_blocks_.keys_of(embedded), hint_scales(context.control_scale)};
}

Tensor WanVaceTransformer::embed_control(const Tensor& control) const {
  const Tensor tokens = vace_patch_embedding_(control.to(backbone_.options()));
  trace("vace_patch_embedding", tokens);
  return proj_in_(tokens);
}

// Tensors, because the reference rounds the scales to the transformer's type first.
std::vector<Tensor> WanVaceTransformer::hint_scales(const std::vector<double>& scales) const {
  const std::size_t layers = control_blocks_.size();
  require(scales.size() <= 1 || scales.size() == layers, Fault::bug,
          "{} control scales for {} layers that see the control", scales.size(), layers);
  std::vector<double> each = scales;
  if (scales.size() != layers) each.assign(layers, scales.empty() ? 1.0 : scales[0]);
  std::vector<Tensor> tensors;
  for (const double scale : each) tensors.push_back(at::scalar_tensor(scale, backbone_.options()));
  return tensors;
}

// The reference runs all control blocks first and keeps their hints. They depend on each other and on the latents'
// tokens alone, so here each runs just before its hint is added.
Tensor WanVaceTransformer::predict(const Tensor& latents, const Tensor& timesteps, const SelfAttentionPattern& pattern,
                                   const std::vector<ContextKeys>& keys, const BoundControl& control) {
  const TimeCondition time = backbone_.embed_time(timesteps, control.grid);
  Tensor x = backbone_.embed_latents(latents);  // [1, L, C]
  Tensor controlled = control.tokens + x;
  std::size_t next = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    backbone_.blocks().at(i).apply(x, time, pattern, keys[i]);
    if (next == hints_.size() || config_.vace_layers[next] != static_cast<std::int64_t>(i)) continue;
    const WanBlock& block = control_blocks_.at(next);
    block.apply(controlled, time, pattern, control.keys[next]);
    const Tensor hint = hints_[next](controlled);
    trace(block.name, "hint", hint);
    x.add_(hint.mul_(control.scales[next]));
    ++next;
  }
  return backbone_.to_latents(x, time, control.grid);
}

}  // namespace

std::unique_ptr<Denoiser> make_wan_vace_transformer(const WanVaceTransformerConfig& config, const Weights& weights,
                                                    BlockWeights place) {
  return std::make_unique<WanVaceTransformer>(config, weights, place);
}

}  // namespace sora
