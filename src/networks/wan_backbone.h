// What WanTransformer3DModel, WanVACETransformer3DModel and SkyReelsV2Transformer3DModel have in common: everything but
// the order in which blocks run.
#pragma once

#include <array>
#include <vector>

#include "networks/wan_blocks.h"
#include "sora/model.h"

namespace sora {

/// Tokens along time, height and width.
using TokenGrid = std::array<std::int64_t, 3>;

/// nn.Conv3d whose stride is its kernel, which makes it a linear layer over patches.
struct PatchEmbedding {
  std::array<int, 3> patch_size;
  Linear linear;

  PatchEmbedding(const Weights& weights, const WanTransformerConfig& config, std::int64_t channels);
  Tensor operator()(const Tensor& video) const;  // [1, C, T, H, W] -> [1, T·h·w, width], h = H / ph, w = W / pw
};

class WanBackbone {
 public:
  WanBackbone(const Weights& weights, const WanTransformerConfig& config, Sinusoids sinusoids, BlockWeights place);

  at::ScalarType dtype() const { return proj_out_.weight.scalar_type(); }
  at::TensorOptions options() const { return proj_out_.weight.options(); }  ///< dtype and device
  WanBlocks& blocks() { return blocks_; }

  /// Error{bug} for a context that this transformer does not take; Error{usage} for images beside a text that is not
  /// padded to 512 tokens.
  EmbeddedContext embed(const Context& context) const;
  /// Of latents, or of another video on their grid that has so many channels.
  TokenGrid grid_of(const Tensor& latents) const { return grid_of(latents, config_.in_channels); }
  TokenGrid grid_of(const Tensor& video, std::int64_t channels) const;
  RotaryTables rotary_tables(const TokenGrid& grid) const;
  /// timesteps [T]; `added` as in WanConditionEmbedder.
  TimeCondition embed_time(const Tensor& timesteps, const TokenGrid& grid, const Tensor& added = {}) const;
  /// All blocks in order and the head: latents [1, in_channels, T, H, W] -> [1, out_channels, T, H, W].
  Tensor predict(const Tensor& latents, const TimeCondition& time, const SelfAttentionPattern& pattern,
                 const std::vector<ContextKeys>& keys);
  Tensor embed_latents(const Tensor& latents) const;  // [1, in_channels, T, H, W] -> x [1, L, C]
  /// The head: x after the last block -> [1, out_channels, T, H, W].
  Tensor to_latents(const Tensor& x, const TimeCondition& time, const TokenGrid& grid) const;

 private:
  void require_fit(const Context& context) const;

  WanTransformerConfig config_;
  PatchEmbedding patch_embedding_;
  WanConditionEmbedder condition_embedder_;
  WanBlocks blocks_;
  Tensor scale_shift_table_;  // fp32 [1, 2, C]
  Linear proj_out_;
};

/// Rotary tables of the last grid that was asked for.
class RotaryCache {
 public:
  const RotaryTables& at(const TokenGrid& grid, const WanBackbone& backbone);

 private:
  TokenGrid grid_{};
  RotaryTables tables_;
};

}  // namespace sora
