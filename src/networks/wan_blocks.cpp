// The layers of Wan's transformers.
#include "networks/wan_blocks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "nn/attention.h"
#include "nn/timestep.h"
#include "nn/trace.h"

namespace sora {
namespace {

constexpr std::int64_t kFeedForwardBytes = 64 << 20;
constexpr double kImageNormEps = 1e-5;  // whatever the config's eps

// Attention of each run of tokens to itself and to the runs before it: what a mask of L x L says, without the mask. The
// result takes the place of the queries.
Tensor attend_causally(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads, std::int64_t run) {
  for (std::int64_t end = run; end <= q.size(1); end += run) {
    const Tensor queries = q.narrow(1, end - run, run);
    queries.copy_(attention(queries, k.narrow(1, 0, end), v.narrow(1, 0, end), heads));
  }
  return q;
}

}  // namespace

WanAttention::WanAttention(const Weights& weights, const WanTransformerConfig& config, Precision large)
    : heads(config.num_attention_heads),
      to_q(weights.sub("to_q"), config.width(), config.width(), Bias::present, large),
      to_k(weights.sub("to_k"), config.width(), config.width(), Bias::present, large),
      to_v(weights.sub("to_v"), config.width(), config.width(), Bias::present, large),
      to_out(weights.sub("to_out").sub(0), config.width(), config.width(), Bias::present, large),
      norm_q(weights.sub("norm_q"), config.width(), config.eps),
      norm_k(weights.sub("norm_k"), config.width(), config.eps) {
  weights.ignore("norm_added_q.weight");  // in some exports; the reference drops it too
}

Tensor WanAttention::to_self(Tensor x, const SelfAttentionPattern& pattern) const {
  return to_out(mix(std::move(x), pattern));
}

// A function of its own, so that queries, keys and values are gone before the projection: this is the peak of memory.
Tensor WanAttention::mix(Tensor x, const SelfAttentionPattern& pattern) const {
  const Tensor q = to_q(x), k = to_k(x), v = to_v(x);
  x.reset();
  norm_and_rotate(q, norm_q, pattern.rope);
  norm_and_rotate(k, norm_k, pattern.rope);
  if (pattern.causal_tokens > 0) return attend_causally(q, k, v, heads, pattern.causal_tokens);
  return attention(q, k, v, heads);
}

WanCrossAttention::WanCrossAttention(const Weights& weights, const WanTransformerConfig& config, Precision large)
    : projections(weights, config, large) {
  if (!config.image_dim) return;
  image.emplace(ImageKeys{{weights.sub("add_k_proj"), config.width(), config.width(), Bias::present, large},
                          {weights.sub("add_v_proj"), config.width(), config.width(), Bias::present, large},
                          {weights.sub("norm_added_k"), config.width(), config.eps}});
}

ContextKeys WanCrossAttention::keys_of(const EmbeddedContext& context) const {
  ContextKeys keys;
  keys.text = {projections.norm_k(projections.to_k(context.text)), projections.to_v(context.text)};
  keys.text_bias = context.text_bias;
  if (image) keys.image = {image->norm_k(image->to_k(context.image)), image->to_v(context.image)};
  return keys;
}

Tensor WanCrossAttention::operator()(const Tensor& x, const ContextKeys& context) const {
  const auto& [text, text_bias, images] = context;
  const Tensor q = projections.norm_q(projections.to_q(x));
  const Tensor mixed = attention(q, text.keys, text.values, projections.heads, text_bias);
  if (image) mixed.add_(attention(q, images.keys, images.values, projections.heads));
  return projections.to_out(mixed);
}

WanFeedForward::WanFeedForward(const Weights& weights, const WanTransformerConfig& config, Precision large)
    : in(weights.sub("net.0.proj"), config.width(), config.ffn_dim, Bias::present, large),
      out(weights.sub("net.2"), config.ffn_dim, config.width(), Bias::present, large) {}

void WanFeedForward::apply(const Tensor& x) const {
  const std::int64_t tokens_at_once =
      std::max<std::int64_t>(1, kFeedForwardBytes / (in.weight.size(0) * x.element_size()));
  for (const Tensor& piece : x.split(tokens_at_once, 1)) {
    Tensor middle = in(piece);
    gelu_tanh_in_place(middle);
    piece.copy_(out(middle));
  }
}

WanBlock::WanBlock(const Weights& weights, const WanTransformerConfig& config, std::string trace_name, Precision large)
    : name(std::move(trace_name)),
      eps(config.eps),
      attn1(weights.sub("attn1"), config, large),
      attn2(weights.sub("attn2"), config, large),
      ffn(weights.sub("ffn"), config, large),
      scale_shift_table(weights.take_fp32("scale_shift_table", {1, 6, config.width()})) {
  if (config.cross_attn_norm) norm2.emplace(weights.sub("norm2"), config.width(), config.eps, Precision::fp32);
}

std::vector<Tensor*> WanBlock::large_weights() {
  std::vector<Tensor*> large;
  for (WanAttention* attention : {&attn1, &attn2.projections}) {
    for (Linear* linear : {&attention->to_q, &attention->to_k, &attention->to_v, &attention->to_out}) {
      large.push_back(&linear->weight);
    }
  }
  if (attn2.image) large.insert(large.end(), {&attn2.image->to_k.weight, &attn2.image->to_v.weight});
  large.insert(large.end(), {&ffn.in.weight, &ffn.out.weight});
  return large;
}

void WanBlock::apply(Tensor& x, const TimeCondition& time, const SelfAttentionPattern& pattern,
                     const ContextKeys& context) const {
  const Tensor table = scale_shift_table + time.projection;  // [n, 6, C]
  const auto shift = table.select(1, 0), scale = table.select(1, 1).add_(1), gate = table.select(1, 2);
  const auto ffn_shift = table.select(1, 3), ffn_scale = table.select(1, 4).add_(1), ffn_gate = table.select(1, 5);

  const Tensor self_attended = attn1.to_self(modulated_layer_norm(x, scale, shift, eps), pattern);
  trace(name, "attn1", self_attended);
  add_gated(x, self_attended, gate);

  const Tensor context_attended = attn2(norm2 ? (*norm2)(x) : x, context);
  trace(name, "attn2", context_attended);
  x.add_(context_attended);

  const Tensor fed_forward = modulated_layer_norm(x, ffn_scale, ffn_shift, eps);
  ffn.apply(fed_forward);
  trace(name, "ffn", fed_forward);
  add_gated(x, fed_forward, ffn_gate);
  trace(name, x);
}

WanBlocks::WanBlocks(const Weights& weights, const WanTransformerConfig& config, std::int64_t count,
                     const std::string& name, BlockWeights place) {
  const Precision large = place == BlockWeights::resident ? Precision::component : Precision::host;
  for (std::int64_t i = 0; i < count; ++i) {
    resident_.emplace_back(weights.sub(i), config, name + std::to_string(i), large);
  }
  if (place == BlockWeights::resident || resident_.empty()) return;
  const at::TensorOptions used_as = resident_[0].attn1.norm_q.weight.options();
  fetched_.emplace(std::exchange(resident_, {}), used_as);
}

std::vector<ContextKeys> WanBlocks::keys_of(const EmbeddedContext& context) {
  std::vector<ContextKeys> keys;
  for (std::size_t i = 0; i < size(); ++i) keys.push_back(at(i).attn2.keys_of(context));
  return keys;
}

WanImageEmbedding::WanImageEmbedding(const Weights& weights, const WanTransformerConfig& config)
    : norm1(weights.sub("norm1"), *config.image_dim, kImageNormEps, Precision::fp32),
      in(weights.sub("ff.net.0.proj"), *config.image_dim, *config.image_dim),
      out(weights.sub("ff.net.2"), *config.image_dim, config.width()),
      norm2(weights.sub("norm2"), config.width(), kImageNormEps, Precision::fp32) {
  if (config.pos_embed_seq_len) {
    pos_embed = weights.take("pos_embed", {1, *config.pos_embed_seq_len, *config.image_dim});
  }
}

Tensor WanImageEmbedding::operator()(const Tensor& states) const {
  const Tensor rows = states.reshape({1, -1, states.size(2)});  // [1, images · rows, image_dim]
  const Tensor normed = norm1(pos_embed.defined() ? rows + pos_embed : rows);
  return norm2(out(at::gelu(in(normed))));
}

WanConditionEmbedder::WanConditionEmbedder(const Weights& weights, const WanTransformerConfig& config,
                                           Sinusoids timestep_sinusoids)
    : freq_dim(config.freq_dim),
      sinusoids(timestep_sinusoids),
      time_1(weights.sub("time_embedder.linear_1"), freq_dim, config.width(), Bias::present, Precision::fp32),
      time_2(weights.sub("time_embedder.linear_2"), config.width(), config.width(), Bias::present, Precision::fp32),
      time_proj(weights.sub("time_proj"), config.width(), 6 * config.width()),
      text_1(weights.sub("text_embedder.linear_1"), config.text_dim, config.width()),
      text_2(weights.sub("text_embedder.linear_2"), config.width(), config.width()) {
  if (config.image_dim) image.emplace(weights.sub("image_embedder"), config);
}

TimeCondition WanConditionEmbedder::embed_time(const Tensor& timesteps, const Tensor& added) const {
  const Tensor waves = sinusoids == Sinusoids::fp32 ? timestep_embedding(timesteps, freq_dim)
                                                    : timestep_embedding_fp64(timesteps, freq_dim);
  const Tensor embedding =
      time_2(at::silu(time_1(waves.to(time_1.weight.device())))).to(time_proj.weight.scalar_type());  // [n, C]
  Tensor projection = time_proj(at::silu(embedding));                                                 // [n, 6 · C]
  trace("condition_embedder.0", embedding);
  trace("condition_embedder.1", projection);
  if (added.defined()) projection.add_(added);
  return {embedding, projection.to(at::kFloat).unflatten(1, {6, -1})};
}

Tensor WanConditionEmbedder::embed_text(const Tensor& states) const {
  const Tensor text = text_2(at::gelu(text_1(states), "tanh"));
  trace("condition_embedder.2", text);
  return text;
}

Tensor WanConditionEmbedder::embed_image(const Tensor& states) const {
  const Tensor rows = (*image)(states);
  trace("condition_embedder.3", rows);
  return rows;
}

}  // namespace sora
