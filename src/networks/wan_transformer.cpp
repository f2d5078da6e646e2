// WanTransformer3DModel (diffusers) for text to video: patches of latents as tokens, self-attention with 3-D rotary
// positions, cross-attention to the text, and per block a modulation made from the timestep.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "networks/networks.h"
#include "nn/attention.h"
#include "nn/layers.h"
#include "nn/rope.h"
#include "nn/timestep.h"
#include "nn/trace.h"

namespace sora {
namespace {

constexpr std::int64_t kFeedForwardBytes = 64 << 20;
constexpr double kRoundDown = 1 - 1.0 / 128;  // by at least one step of bf16

/// A prompt's keys and values for one block: [1, rows, C].
struct TextKeys {
  Tensor keys, values;
};

/// A prompt as all blocks attend to it. The reference pads the text with zero rows and attends to them. After the
/// projection they are all equal, so one padding row whose scores get + log(how many there are) gives the same sums.
struct BoundText {
  std::vector<TextKeys> blocks;
  Tensor bias;  // [1, 1, 1, rows], or undefined without padding
};

/// What a block adds to its table: fp32 [n, 6, C], with n = 1 if all latent frames have the same timestep, else n = T.
struct TimeCondition {
  Tensor embedding;   // [n, C]
  Tensor projection;  // [n, 6, C]
};

struct Attention {
  std::int64_t heads;
  Linear to_q, to_k, to_v, to_out;
  RmsNorm norm_q, norm_k;

  Attention(const Weights& weights, const WanTransformerConfig& config)
      : heads(config.num_attention_heads),
        to_q(weights.sub("to_q"), config.width(), config.width()),
        to_k(weights.sub("to_k"), config.width(), config.width()),
        to_v(weights.sub("to_v"), config.width(), config.width()),
        to_out(weights.sub("to_out").sub(0), config.width(), config.width()),
        norm_q(weights.sub("norm_q"), config.width(), config.eps),
        norm_k(weights.sub("norm_k"), config.width(), config.eps) {
    weights.ignore("norm_added_q.weight");  // in some exports; the reference drops it too
  }

  Tensor to_self(Tensor x, const RotaryTables& rope) const { return to_out(mix(std::move(x), rope)); }

  TextKeys keys_of(const Tensor& text) const { return {norm_k(to_k(text)), to_v(text)}; }

  Tensor to_text(const Tensor& x, const TextKeys& text, const Tensor& bias) const {
    return to_out(attention(norm_q(to_q(x)), text.keys, text.values, heads, bias));
  }

 private:
  // A function of its own, and x by value, so that nothing is kept longer than needed: this is the peak of memory.
  Tensor mix(Tensor x, const RotaryTables& rope) const {
    const Tensor q = to_q(x), k = to_k(x), v = to_v(x);
    x.reset();
    norm_and_rotate(q, norm_q, rope);
    norm_and_rotate(k, norm_k, rope);
    return attention(q, k, v, heads);
  }
};

struct FeedForward {
  Linear in, out;

  FeedForward(const Weights& weights, const WanTransformerConfig& config)
      : in(weights.sub("net.0.proj"), config.width(), config.ffn_dim),
        out(weights.sub("net.2"), config.ffn_dim, config.width()) {}

  /// x [1, L, C] in place. By pieces, because all of the middle, [1, L, ffn_dim], would be the largest tensor by far.
  void apply(const Tensor& x) const {
    const std::int64_t tokens_at_once =
        std::max<std::int64_t>(1, kFeedForwardBytes / (in.weight.size(0) * x.element_size()));
    for (const Tensor& piece : x.split(tokens_at_once, 1)) {
      Tensor middle = in(piece);
      gelu_tanh_in_place(middle);
      piece.copy_(out(middle));
    }
  }
};

struct Block {
  std::string name;
  double eps;
  Attention attn1, attn2;
  std::optional<LayerNorm> norm2;
  FeedForward ffn;
  Tensor scale_shift_table;  // fp32 [1, 6, C]

  Block(const Weights& weights, const WanTransformerConfig& config, std::int64_t index)
      : name("block" + std::to_string(index)),
        eps(config.eps),
        attn1(weights.sub("attn1"), config),
        attn2(weights.sub("attn2"), config),
        ffn(weights.sub("ffn"), config),
        scale_shift_table(weights.take_fp32("scale_shift_table", {1, 6, config.width()})) {
    if (config.cross_attn_norm) norm2.emplace(weights.sub("norm2"), config.width(), config.eps, Precision::fp32);
  }

  /// x [1, L, C] is changed in place.
  void apply(Tensor& x, const TimeCondition& time, const RotaryTables& rope, const TextKeys& text,
             const Tensor& text_bias) const {
    const Tensor table = scale_shift_table + time.projection;  // [n, 6, C]
    const auto shift = table.select(1, 0), scale = table.select(1, 1).add_(1), gate = table.select(1, 2);
    const auto ffn_shift = table.select(1, 3), ffn_scale = table.select(1, 4).add_(1), ffn_gate = table.select(1, 5);

    const Tensor self_attended = attn1.to_self(modulated_layer_norm(x, scale, shift, eps), rope);
    trace(name, "attn1", self_attended);
    add_gated(x, self_attended, gate);

    const Tensor text_attended = attn2.to_text(norm2 ? (*norm2)(x) : x, text, text_bias);
    trace(name, "attn2", text_attended);
    x.add_(text_attended);

    const Tensor fed_forward = modulated_layer_norm(x, ffn_scale, ffn_shift, eps);
    ffn.apply(fed_forward);
    trace(name, "ffn", fed_forward);
    add_gated(x, fed_forward, ffn_gate);
    trace(name, x);
  }
};

struct TimeTextEmbedding {
  std::int64_t freq_dim;
  Linear time_1, time_2, time_proj, text_1, text_2;

  TimeTextEmbedding(const Weights& weights, const WanTransformerConfig& config)
      : freq_dim(config.freq_dim),
        time_1(weights.sub("time_embedder.linear_1"), freq_dim, config.width(), Bias::present, Precision::fp32),
        time_2(weights.sub("time_embedder.linear_2"), config.width(), config.width(), Bias::present, Precision::fp32),
        time_proj(weights.sub("time_proj"), config.width(), 6 * config.width()),
        text_1(weights.sub("text_embedder.linear_1"), config.text_dim, config.width()),
        text_2(weights.sub("text_embedder.linear_2"), config.width(), config.width()) {}

  /// fp32 timesteps [n] on the host.
  TimeCondition embed_time(const Tensor& timesteps) const {
    const Tensor waves = timestep_embedding(timesteps, freq_dim).to(time_1.weight.device());
    const Tensor embedding = time_2(at::silu(time_1(waves))).to(time_proj.weight.scalar_type());  // [n, C]
    const Tensor projection = time_proj(at::silu(embedding));                                     // [n, 6 · C]
    trace("condition_embedder.0", embedding);
    trace("condition_embedder.1", projection);
    return {embedding, projection.to(at::kFloat).unflatten(1, {6, -1})};
  }

  Tensor embed_text(const Tensor& states) const {
    const Tensor text = text_2(at::gelu(text_1(states), "tanh"));
    trace("condition_embedder.2", text);
    return text;
  }
};

// Score biases of the rows that stand for `padding` equal ones. In bf16 the logarithm would be off by up to a percent:
// there, a second row carries what the first, rounded down, leaves.
std::vector<double> padding_biases(std::int64_t padding, at::ScalarType dtype) {
  if (padding == 0) return {};
  const double all = static_cast<double>(padding), bias = std::log(all);
  if (dtype == at::kFloat || padding == 1) return {bias};
  const double first = at::scalar_tensor(bias * kRoundDown, dtype).item<double>();
  return {first, std::log(all - std::exp(first))};
}

class WanTransformer final : public Denoiser {
 public:
  WanTransformer(const WanTransformerConfig& config, const Weights& weights);

  at::ScalarType dtype() const override { return proj_out_.weight.scalar_type(); }
  PredictFn bind(const Context& context) override;

 private:
  BoundText bind_text(const TextEmbedding& text) const;
  TimeCondition condition(const Tensor& timesteps, std::int64_t latent_frames) const;
  Tensor predict(const Tensor& latents, const Tensor& timesteps, const RotaryTables& rope, const BoundText& text) const;
  Tensor to_tokens(const Tensor& latents) const;
  Tensor to_latents(const Tensor& tokens, const std::array<std::int64_t, 3>& grid) const;
  std::array<std::int64_t, 3> grid_of(const Tensor& latents) const;

  WanTransformerConfig config_;
  Linear patch_embedding_;
  TimeTextEmbedding condition_embedder_;
  std::vector<Block> blocks_;
  Tensor scale_shift_table_;  // fp32 [1, 2, C]
  Linear proj_out_;
};

// The patch convolution's stride is its kernel, so it is a linear layer over patches.
Linear take_patch_embedding(const Weights& weights, const WanTransformerConfig& config) {
  const auto& [time, height, width] = config.patch_size;
  return {weights.take("weight", {config.width(), config.in_channels, time, height, width}).flatten(1),
          weights.take("bias", {config.width()})};
}

WanTransformer::WanTransformer(const WanTransformerConfig& config, const Weights& weights)
    : config_(config),
      patch_embedding_(take_patch_embedding(weights.sub("patch_embedding"), config)),
      condition_embedder_(weights.sub("condition_embedder"), config),
      scale_shift_table_(weights.take_fp32("scale_shift_table", {1, 2, config.width()})),
      proj_out_(weights.sub("proj_out"), config.width(), config.out_channels * config.patch_values()) {
  for (std::int64_t i = 0; i < config.num_layers; ++i) blocks_.emplace_back(weights.sub("blocks").sub(i), config, i);
}

BoundText WanTransformer::bind_text(const TextEmbedding& text) const {
  const std::int64_t tokens = text.states.size(1);
  const std::vector<double> biases = padding_biases(text.padded_length - tokens, dtype());
  const auto rows = tokens + static_cast<std::int64_t>(biases.size());
  const Tensor states = at::zeros({1, rows, config_.text_dim}, proj_out_.weight.options());
  states.narrow(1, 0, tokens).copy_(text.states);

  BoundText bound;
  const Tensor embedded = condition_embedder_.embed_text(states);  // [1, rows, C]
  for (const Block& block : blocks_) bound.blocks.push_back(block.attn2.keys_of(embedded));
  if (!biases.empty()) {
    bound.bias = at::zeros({1, 1, 1, rows}, states.options());
    for (std::size_t i = 0; i < biases.size(); ++i) {
      bound.bias.select(-1, tokens + static_cast<std::int64_t>(i)).fill_(biases[i]);
    }
  }
  return bound;
}

PredictFn WanTransformer::bind(const Context& context) {
  const TextEmbedding& text = context.text;
  require(
      text.states.dim() == 3 && text.states.size(2) == config_.text_dim && text.padded_length >= text.states.size(1),
      Fault::bug, "a text of shape {} does not fit a transformer with \"text_dim\" {}",
      fmt::join(text.states.sizes(), " x "), config_.text_dim);
  return [this, bound = bind_text(text), rope = RotaryTables(), grid = std::array<std::int64_t, 3>()](
             const Tensor& latents, const Tensor& timesteps) mutable {
    if (const auto needed = grid_of(latents); needed != grid) {
      grid = needed;
      rope = make_rotary_tables(config_.attention_head_dim, grid, proj_out_.weight.device());
    }
    return predict(latents, timesteps, rope, bound);
  };
}

std::array<std::int64_t, 3> WanTransformer::grid_of(const Tensor& latents) const {
  std::array<std::int64_t, 3> grid{};
  bool fits = latents.dim() == 5 && latents.size(0) == 1 && latents.size(1) == config_.in_channels;
  for (std::size_t i = 0; fits && i < 3; ++i) {
    const std::int64_t side = latents.size(static_cast<std::int64_t>(i) + 2), patch = config_.patch_size[i];
    grid[i] = side / patch;
    fits = side % patch == 0 && grid[i] >= 1 && grid[i] <= config_.rope_max_seq_len;
  }
  require(fits, Fault::bug, "latents of shape {} do not fit the transformer", fmt::join(latents.sizes(), " x "));
  return grid;
}

// [1, C, T, H, W] -> [1, T·h·w, C·ph·pw], h = H / ph, w = W / pw.
Tensor WanTransformer::to_tokens(const Tensor& latents) const {
  const auto [time, height, width] = grid_of(latents);
  const std::int64_t ph = config_.patch_size[1], pw = config_.patch_size[2];
  return latents.reshape({1, config_.in_channels, time, height, ph, width, pw})
      .permute({0, 2, 3, 5, 1, 4, 6})
      .reshape({1, time * height * width, -1});
}

// [1, T·h·w, ph·pw·C] -> [1, C, T, H, W].
Tensor WanTransformer::to_latents(const Tensor& tokens, const std::array<std::int64_t, 3>& grid) const {
  const auto [time, height, width] = grid;
  const std::int64_t ph = config_.patch_size[1], pw = config_.patch_size[2];
  return tokens.view({1, time, height, width, ph, pw, config_.out_channels})
      .permute({0, 6, 1, 2, 4, 3, 5})
      .reshape({1, config_.out_channels, time, height * ph, width * pw});
}

// One embedding for all frames if they share a timestep, else one a frame; the reference makes one a token.
TimeCondition WanTransformer::condition(const Tensor& timesteps, std::int64_t latent_frames) const {
  require(timesteps.dim() == 1 && timesteps.size(0) == latent_frames, Fault::bug, "{} timesteps for {} latent frames",
          timesteps.numel(), latent_frames);
  const Tensor frames = timesteps.to(at::kCPU, at::kFloat).contiguous();
  const float* first = frames.const_data_ptr<float>();
  const bool same = std::all_of(first, first + latent_frames, [first](float timestep) { return timestep == *first; });
  return condition_embedder_.embed_time(same ? frames.narrow(0, 0, 1) : frames);
}

Tensor WanTransformer::predict(const Tensor& latents, const Tensor& timesteps, const RotaryTables& rope,
                               const BoundText& text) const {
  const auto grid = grid_of(latents);
  const TimeCondition time = condition(timesteps, grid[0]);
  Tensor x = patch_embedding_(to_tokens(latents.to(proj_out_.weight.device(), dtype())));  // [1, L, C]
  trace("rope.0", rope.cosines);
  trace("rope.1", rope.sines);
  trace("patch_embedding", x);
  for (std::size_t i = 0; i < blocks_.size(); ++i) blocks_[i].apply(x, time, rope, text.blocks[i], text.bias);

  const Tensor table = scale_shift_table_ + time.embedding.unsqueeze(1);  // fp32 [n, 2, C]
  x = modulated_layer_norm(x, table.select(1, 1).add_(1), table.select(1, 0), config_.eps);
  trace("norm_out", x);
  x = proj_out_(x);  // [1, L, ph·pw·C_out]
  trace("proj_out", x);
  return to_latents(x, grid);
}

}  // namespace

std::unique_ptr<Denoiser> make_wan_transformer(const WanTransformerConfig& config, const Weights& weights) {
  return std::make_unique<WanTransformer>(config, weights);
}

}  // namespace sora
