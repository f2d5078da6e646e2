// What WanTransformer3DModel and its relatives are made of (diffusers' WanAttention, FeedForward, WanTransformerBlock
// and WanTimeTextImageEmbedding). C is the transformer's width, L the number of latent tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "architecture/wan_transformer.h"
#include "nn/block_fetcher.h"
#include "nn/layers.h"
#include "nn/rope.h"

namespace sora {

/// A prompt, and images where there are any, as vectors of the transformer's width.
struct EmbeddedContext {
  Tensor text;       ///< [1, rows, C]
  Tensor text_bias;  ///< on the scores of the text's rows, [1, 1, 1, rows]; undefined where all rows count the same
  Tensor image;      ///< [1, rows, C], or undefined
};

struct KeysAndValues {
  Tensor keys, values;  ///< [1, rows, C]
};

/// The same as one block attends to it.
struct ContextKeys {
  KeysAndValues text;
  Tensor text_bias;
  KeysAndValues image;  ///< undefined where there is none
};

/// What a block adds to its table: fp32 [n, 6, C], with n = 1 if all latent frames have the same timestep, else n = T.
struct TimeCondition {
  Tensor embedding;   ///< [n, C]
  Tensor projection;  ///< [n, 6, C]
};

/// How tokens see each other.
struct SelfAttentionPattern {
  RotaryTables rope;
  std::int64_t causal_tokens = 0;  ///< each run of so many tokens sees itself and those before; 0: all see all
};

/// WanAttention: RMS norms of queries and keys over all heads.
struct WanAttention {
  std::int64_t heads;
  Linear to_q, to_k, to_v, to_out;
  RmsNorm norm_q, norm_k;

  WanAttention(const Weights& weights, const WanTransformerConfig& config, Precision large);
  /// Of tokens x [1, L, C] to each other. By value, so that nothing is kept longer than needed.
  Tensor to_self(Tensor x, const SelfAttentionPattern& pattern) const;

 private:
  Tensor mix(Tensor x, const SelfAttentionPattern& pattern) const;
};

/// WanAttention to the text and, in transformers with an image_dim, to images: one sum of both.
struct WanCrossAttention {
  struct ImageKeys {
    Linear to_k, to_v;
    RmsNorm norm_k;
  };
  WanAttention projections;
  std::optional<ImageKeys> image;

  WanCrossAttention(const Weights& weights, const WanTransformerConfig& config, Precision large);
  ContextKeys keys_of(const EmbeddedContext& context) const;
  Tensor operator()(const Tensor& x, const ContextKeys& context) const;  // [1, L, C] -> [1, L, C]
};

struct WanFeedForward {
  Linear in, out;

  WanFeedForward(const Weights& weights, const WanTransformerConfig& config, Precision large);
  /// x [1, L, C] in place. By pieces, because all of the middle, [1, L, ffn_dim], would be the largest tensor by far.
  void apply(const Tensor& x) const;
};

/// WanTransformerBlock.
struct WanBlock {
  std::string name;  ///< of its trace taps
  double eps;
  WanAttention attn1;
  WanCrossAttention attn2;
  std::optional<LayerNorm> norm2;
  WanFeedForward ffn;
  Tensor scale_shift_table;  ///< fp32 [1, 6, C]

  /// `large`: how the weights are taken that are nearly all of the block's.
  WanBlock(const Weights& weights, const WanTransformerConfig& config, std::string trace_name, Precision large);
  std::vector<Tensor*> large_weights();
  /// x [1, L, C] is changed in place.
  void apply(Tensor& x, const TimeCondition& time, const SelfAttentionPattern& pattern,
             const ContextKeys& context) const;
};

/// A row of blocks, whose large weights are on the device, or are fetched when a block runs.
class WanBlocks {
 public:
  /// `weights` of all blocks: weights.sub(0), weights.sub(1) and so on. They are called name + "0", ...
  WanBlocks(const Weights& weights, const WanTransformerConfig& config, std::int64_t count, const std::string& name,
            BlockWeights place);
  std::size_t size() const { return resident_.size() + (fetched_ ? fetched_->size() : 0); }
  /// Good until the next call.
  const WanBlock& at(std::size_t i) { return fetched_ ? fetched_->at(i) : resident_.at(i); }
  /// The keys and values of `context` for each block.
  std::vector<ContextKeys> keys_of(const EmbeddedContext& context);

 private:
  std::vector<WanBlock> resident_;
  std::optional<FetchedBlocks<WanBlock>> fetched_;
};

/// In which type the sinusoids of timesteps are computed.
enum class Sinusoids { fp32, fp64 };

/// WanImageEmbedding.
struct WanImageEmbedding {
  Tensor pos_embed;  ///< [1, rows of two images, image_dim], or undefined
  LayerNorm norm1;
  Linear in, out;
  LayerNorm norm2;

  WanImageEmbedding(const Weights& weights, const WanTransformerConfig& config);
  Tensor operator()(const Tensor& states) const;  // [images, rows, image_dim] -> [1, images · rows, C]
};

/// WanTimeTextImageEmbedding.
struct WanConditionEmbedder {
  std::int64_t freq_dim;
  Sinusoids sinusoids;
  Linear time_1, time_2, time_proj, text_1, text_2;
  std::optional<WanImageEmbedding> image;

  WanConditionEmbedder(const Weights& weights, const WanTransformerConfig& config, Sinusoids timestep_sinusoids);
  /// fp32 timesteps [n] on the host. `added`, [1, 6 · C] or undefined, goes to the projection of each.
  TimeCondition embed_time(const Tensor& timesteps, const Tensor& added = {}) const;
  Tensor embed_text(const Tensor& states) const;   // [1, rows, text_dim] -> [1, rows, C]
  Tensor embed_image(const Tensor& states) const;  // [images, rows, image_dim] -> [1, images · rows, C]
};

}  // namespace sora
