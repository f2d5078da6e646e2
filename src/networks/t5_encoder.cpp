// T5EncoderModel and UMT5EncoderModel (transformers): a pre-norm encoder without position embeddings; instead every
// pair of tokens gets a learnt bias by how far apart they are.
#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "networks/networks.h"
#include "nn/block_fetcher.h"
#include "nn/layers.h"
#include "nn/trace.h"

namespace sora {
namespace {

/// T5LayerNorm: no mean, no bias. The product is rounded to the weight's type before it is scaled, so that the fused
/// at::rms_norm differs in bf16.
struct T5Norm {
  Tensor weight;  // [D]
  double eps;

  T5Norm(const Weights& weights, const T5Config& config)
      : weight(weights.take("weight", {config.d_model})), eps(config.layer_norm_epsilon) {}

  Tensor operator()(const Tensor& x) const {
    const Tensor wide = x.to(at::kFloat);
    const Tensor normed = wide * at::rsqrt(wide.pow(2).mean(-1, /*keepdim=*/true) + eps);
    return weight * normed.to(weight.scalar_type());
  }
};

// How far key j is from query i, as a row of the bias table. Half of the rows are for keys that come after the query;
// of each half, a half is for one distance each and the rest for logarithmically growing ranges. -> [L, L]
Tensor position_buckets(std::int64_t tokens, const T5Config& config, const at::Device& device) {
  const std::int64_t half = config.relative_attention_num_buckets / 2, exact = half / 2;
  const double range = static_cast<double>(config.relative_attention_max_distance) / static_cast<double>(exact);
  const Tensor position = at::arange(tokens, at::TensorOptions(at::kLong).device(device));
  const Tensor relative = position.unsqueeze(0) - position.unsqueeze(1), distance = relative.abs();
  // The order of these operations decides what is truncated.
  const Tensor ratio = at::log(distance.to(at::kFloat) / exact) / std::log(range) * (half - exact);
  const Tensor far = (ratio.to(at::kLong) + exact).clamp_max(half - 1);
  return (relative > 0).to(at::kLong) * half + at::where(distance < exact, distance, far);
}

/// A table of relative positions: `weight` [buckets, heads].
struct PositionBias {
  Tensor weight;

  PositionBias(const Weights& weights, const T5Config& config)
      : weight(weights.take("weight", {config.relative_attention_num_buckets, config.num_heads})) {}

  Tensor operator()(const Tensor& buckets) const {
    const Tensor bias = weight.index_select(0, buckets.view(-1));                              // [L·L, heads]
    return bias.t().contiguous().view({1, weight.size(1), buckets.size(0), buckets.size(1)});  // [1, heads, L, L]
  }
};

struct SelfAttention {
  std::int64_t heads;
  Linear q, k, v, o;

  SelfAttention(const Weights& weights, const T5Config& config)
      : heads(config.num_heads),
        q(weights.sub("q"), config.d_model, config.inner_dim(), Bias::none, Precision::stored),
        k(weights.sub("k"), config.d_model, config.inner_dim(), Bias::none, Precision::stored),
        v(weights.sub("v"), config.d_model, config.inner_dim(), Bias::none, Precision::stored),
        o(weights.sub("o"), config.inner_dim(), config.d_model, Bias::none, Precision::stored) {}

  Tensor operator()(const Tensor& x, const Tensor& bias) const {
    const auto by_head = [&](const Tensor& rows) {
      return rows.view({1, rows.size(1), heads, -1}).transpose(1, 2);  // [1, heads, L, d_kv]
    };
    // T5 does not scale scores: its initialisation did.
    const Tensor mixed = at::scaled_dot_product_attention(by_head(q(x)), by_head(k(x)), by_head(v(x)), bias,
                                                          /*dropout_p=*/0.0, /*is_causal=*/false, /*scale=*/1.0);
    return o(mixed.transpose(1, 2).reshape({1, x.size(1), -1}));  // [1, L, D]
  }
};

// transformers' gelu_new, with each operation rounded as there; at::gelu(x, "tanh") rounds once.
Tensor gelu_new(const Tensor& x) {
  const double scale = std::sqrt(2.0 / std::numbers::pi);
  return 0.5 * x * (1.0 + at::tanh(scale * (x + 0.044715 * at::pow(x, 3.0))));
}

struct GatedFeedForward {
  Linear wi_0, wi_1, wo;

  GatedFeedForward(const Weights& weights, const T5Config& config)
      : wi_0(weights.sub("wi_0"), config.d_model, config.d_ff, Bias::none, Precision::stored),
        wi_1(weights.sub("wi_1"), config.d_model, config.d_ff, Bias::none, Precision::stored),
        wo(weights.sub("wo"), config.d_ff, config.d_model, Bias::none, Precision::stored) {}

  Tensor operator()(const Tensor& x) const { return wo(gelu_new(wi_0(x)) * wi_1(x)); }
};

struct Block {
  T5Norm attention_norm;
  SelfAttention attention;
  T5Norm feed_forward_norm;
  GatedFeedForward feed_forward;

  Block(const Weights& weights, const T5Config& config)
      : attention_norm(weights.sub("layer").sub(0).sub("layer_norm"), config),
        attention(weights.sub("layer").sub(0).sub("SelfAttention"), config),
        feed_forward_norm(weights.sub("layer").sub(1).sub("layer_norm"), config),
        feed_forward(weights.sub("layer").sub(1).sub("DenseReluDense"), config) {}

  std::array<Tensor*, 7> large_weights() {
    return {&attention.q.weight,       &attention.k.weight,       &attention.v.weight,    &attention.o.weight,
            &feed_forward.wi_0.weight, &feed_forward.wi_1.weight, &feed_forward.wo.weight};
  }

  Tensor operator()(const Tensor& x, const Tensor& bias) const {
    const Tensor attended = x + attention(attention_norm(x), bias);
    return attended + feed_forward(feed_forward_norm(attended));
  }
};

/// It runs once a render, with all prompts. So its weights are fetched block by block from the mapped file: of UMT5-XXL
/// in fp32, 23 GB, there is never more than a block or two in memory.
class T5Encoder final : public TextEncoder {
 public:
  T5Encoder(const T5Config& config, const Weights& weights)
      : config_(config),
        embedding_(weights.take_stored("shared.weight", {config.vocab_size, config.d_model})),
        final_norm_(weights.sub("encoder").sub("final_layer_norm"), config) {
    const Weights blocks = weights.sub("encoder").sub("block");
    for (std::int64_t i = 0; i < config.num_layers; ++i) {
      blocks_.emplace_back(blocks.sub(i), config);
      if (i > 0 && !config.bias_per_layer) continue;
      const Weights attention = blocks.sub(i).sub("layer").sub(0).sub("SelfAttention");
      position_biases_.emplace_back(attention.sub("relative_attention_bias"), config);
    }
    constexpr const char* kTiedCopy = "encoder.embed_tokens.weight";
    if (weights.has(kTiedCopy)) weights.ignore(kTiedCopy);
  }

  // The reference computes padding rows too, hides them from the real ones and zeroes them at the end.
  std::vector<TextEmbedding> encode(const std::vector<std::vector<std::int64_t>>& prompts,
                                    std::int64_t padded_length) const override {
    std::vector<Tensor> states, buckets, biases(prompts.size());  // [1, L, D], [L, L], [1, heads, L, L] of each
    for (const std::vector<std::int64_t>& ids : prompts) {
      states.push_back(embed(ids, padded_length));
      buckets.push_back(position_buckets(static_cast<std::int64_t>(ids.size()), config_, final_norm_.weight.device()));
    }
    FetchedBlocks blocks(blocks_, final_norm_.weight.options());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const Block& block = blocks.at(i);
      for (std::size_t p = 0; p < prompts.size(); ++p) {
        if (i < position_biases_.size()) biases[p] = position_biases_[i](buckets[p]);
        states[p] = block(states[p], biases[p]);
        trace("text", "block" + std::to_string(i), states[p]);
      }
    }
    std::vector<TextEmbedding> embeddings;
    for (const Tensor& x : states) embeddings.push_back({final_norm_(x), padded_length});
    return embeddings;
  }

 private:
  Tensor embed(const std::vector<std::int64_t>& ids, std::int64_t padded_length) const {
    const auto tokens = static_cast<std::int64_t>(ids.size());
    require(tokens > 0 && tokens <= padded_length, Fault::bug, "{} tokens do not fit into {}", tokens, padded_length);
    const auto [smallest, largest] = std::minmax_element(ids.begin(), ids.end());
    require(*smallest >= 0 && *largest < config_.vocab_size, Fault::input,
            "The tokenizer gives the id {}, but the text encoder has only {} (vocab_size). They are not of one model.",
            *largest, config_.vocab_size);
    const Tensor rows = embedding_.index_select(0, at::tensor(ids, at::kLong));
    return rows.to(final_norm_.weight.options()).unsqueeze(0);
  }

  T5Config config_;
  Tensor embedding_;  // [vocab_size, D]
  std::vector<Block> blocks_;
  std::vector<PositionBias> position_biases_;  // one a block, or one for all
  T5Norm final_norm_;
};

}  // namespace

std::unique_ptr<TextEncoder> make_t5_encoder(const T5Config& config, const Weights& weights) {
  return std::make_unique<T5Encoder>(config, weights);
}

}  // namespace sora
