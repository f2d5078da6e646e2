// The parts of Wan's transformers around their blocks.
#include "networks/wan_backbone.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "nn/trace.h"

namespace sora {
namespace {

constexpr double kRoundDown = 1 - 1.0 / 128;  // by at least one step of bf16
// The reference takes the last 512 rows of text and image together for the text.
constexpr std::int64_t kTextRowsBesideImage = 512;

// Score biases of the rows that stand for `padding` equal ones. In bf16 the logarithm would be off by up to a percent:
// there, a second row carries what the first, rounded down, leaves.
std::vector<double> padding_biases(std::int64_t padding, at::ScalarType dtype) {
  if (padding == 0) return {};
  const double all = static_cast<double>(padding), bias = std::log(all);
  if (dtype == at::kFloat || padding == 1) return {bias};
  const double first = at::scalar_tensor(bias * kRoundDown, dtype).item<double>();
  return {first, std::log(all - std::exp(first))};
}

}  // namespace

PatchEmbedding::PatchEmbedding(const Weights& weights, const WanTransformerConfig& config, std::int64_t channels)
    : patch_size(config.patch_size),
      linear(weights.take("weight", {config.width(), channels, patch_size[0], patch_size[1], patch_size[2]}).flatten(1),
             weights.take("bias", {config.width()})) {}

Tensor PatchEmbedding::operator()(const Tensor& video) const {
  const std::int64_t time = video.size(2), ph = patch_size[1], pw = patch_size[2];
  const std::int64_t height = video.size(3) / ph, width = video.size(4) / pw;
  return linear(video.reshape({1, -1, time, height, ph, width, pw})
                    .permute({0, 2, 3, 5, 1, 4, 6})
                    .reshape({1, time * height * width, -1}));
}

WanBackbone::WanBackbone(const Weights& weights, const WanTransformerConfig& config, Sinusoids sinusoids,
                         BlockWeights place)
    : config_(config),
      patch_embedding_(weights.sub("patch_embedding"), config, config.in_channels),
      condition_embedder_(weights.sub("condition_embedder"), config, sinusoids),
      blocks_(weights.sub("blocks"), config, config.num_layers, "block", place),
      scale_shift_table_(weights.take_fp32("scale_shift_table", {1, 2, config.width()})),
      proj_out_(weights.sub("proj_out"), config.width(), config.out_channels * config.patch_values()) {}

void WanBackbone::require_fit(const Context& context) const {
  const TextEmbedding& text = context.text;
  const Tensor& image = context.image;
  require(
      text.states.dim() == 3 && text.states.size(2) == config_.text_dim && text.padded_length >= text.states.size(1),
      Fault::bug, "a text of shape {} does not fit a transformer with \"text_dim\" {}",
      fmt::join(text.states.sizes(), " x "), config_.text_dim);
  require(image.defined() == config_.image_dim.has_value(), Fault::bug, "an image is {} by this transformer, and is {}",
          config_.image_dim ? "needed" : "not taken", image.defined() ? "given" : "not given");
  if (!image.defined()) return;
  const std::int64_t images = config_.pos_embed_seq_len ? 2 : 1;
  require(image.dim() == 3 && image.size(0) == images && image.size(2) == config_.image_dim &&
              (!config_.pos_embed_seq_len || 2 * image.size(1) == config_.pos_embed_seq_len),
          Fault::bug, "image states of shape {} do not fit the transformer", fmt::join(image.sizes(), " x "));
  require(text.padded_length == kTextRowsBesideImage, Fault::usage,
          "--max-sequence-length {}: a transformer that also sees images takes {} text tokens, no more and no less",
          text.padded_length, kTextRowsBesideImage);
}

// The reference pads the text with zero rows and attends to them. After the projection they are all equal, so one
// padding row whose scores get + log(how many there are) gives the same sums.
EmbeddedContext WanBackbone::embed(const Context& context) const {
  require_fit(context);
  const TextEmbedding& text = context.text;
  const std::int64_t tokens = text.states.size(1);
  const std::vector<double> biases = padding_biases(text.padded_length - tokens, dtype());
  const auto rows = tokens + static_cast<std::int64_t>(biases.size());
  const Tensor states = at::zeros({1, rows, config_.text_dim}, options());
  states.narrow(1, 0, tokens).copy_(text.states);

  EmbeddedContext embedded;
  embedded.text = condition_embedder_.embed_text(states);
  if (!biases.empty()) {
    embedded.text_bias = at::zeros({1, 1, 1, rows}, states.options());
    for (std::size_t i = 0; i < biases.size(); ++i) {
      embedded.text_bias.select(-1, tokens + static_cast<std::int64_t>(i)).fill_(biases[i]);
    }
  }
  if (config_.image_dim) embedded.image = condition_embedder_.embed_image(context.image.to(options()));
  return embedded;
}

TokenGrid WanBackbone::grid_of(const Tensor& video, std::int64_t channels) const {
  TokenGrid grid{};
  bool fits = video.dim() == 5 && video.size(0) == 1 && video.size(1) == channels;
  for (std::size_t i = 0; fits && i < 3; ++i) {
    const std::int64_t side = video.size(static_cast<std::int64_t>(i) + 2), patch = config_.patch_size[i];
    grid[i] = side / patch;
    fits = side % patch == 0 && grid[i] >= 1 && grid[i] <= config_.rope_max_seq_len;
  }
  require(fits, Fault::bug, "latents of shape {} do not fit the transformer", fmt::join(video.sizes(), " x "));
  return grid;
}

RotaryTables WanBackbone::rotary_tables(const TokenGrid& grid) const {
  return make_rotary_tables(config_.attention_head_dim, grid, proj_out_.weight.device());
}

// One embedding for all frames if they share a timestep, else one a frame; the reference makes one a token.
TimeCondition WanBackbone::embed_time(const Tensor& timesteps, const TokenGrid& grid, const Tensor& added) const {
  require(timesteps.dim() == 1 && timesteps.size(0) == grid[0], Fault::bug, "{} timesteps for {} latent frames",
          timesteps.numel(), grid[0]);
  const Tensor frames = timesteps.to(at::kCPU, at::kFloat).contiguous();
  const float* first = frames.const_data_ptr<float>();
  const bool same = std::all_of(first, first + grid[0], [first](float timestep) { return timestep == *first; });
  return condition_embedder_.embed_time(same ? frames.narrow(0, 0, 1) : frames, added);
}

Tensor WanBackbone::predict(const Tensor& latents, const TimeCondition& time, const SelfAttentionPattern& pattern,
                            const std::vector<ContextKeys>& keys) {
  Tensor x = embed_latents(latents);
  for (std::size_t i = 0; i < blocks_.size(); ++i) blocks_.at(i).apply(x, time, pattern, keys[i]);
  return to_latents(x, time, grid_of(latents));
}

Tensor WanBackbone::embed_latents(const Tensor& latents) const {
  Tensor x = patch_embedding_(latents.to(options()));
  trace("patch_embedding", x);
  return x;
}

Tensor WanBackbone::to_latents(const Tensor& x, const TimeCondition& time, const TokenGrid& grid) const {
  const Tensor table = scale_shift_table_ + time.embedding.unsqueeze(1);  // fp32 [n, 2, C]
  const Tensor normed = modulated_layer_norm(x, table.select(1, 1).add_(1), table.select(1, 0), config_.eps);
  trace("norm_out", normed);
  const Tensor tokens = proj_out_(normed);  // [1, T·h·w, ph·pw·C_out]
  trace("proj_out", tokens);
  const auto [frames, height, width] = grid;
  const std::int64_t ph = config_.patch_size[1], pw = config_.patch_size[2];
  return tokens.view({1, frames, height, width, ph, pw, config_.out_channels})
      .permute({0, 6, 1, 2, 4, 3, 5})
      .reshape({1, config_.out_channels, frames, height * ph, width * pw});
}

const RotaryTables& RotaryCache::at(const TokenGrid& grid, const WanBackbone& backbone) {
  if (grid != grid_) {
    tables_ = backbone.rotary_tables(grid);
    grid_ = grid;
    trace("rope.0", tables_.cosines);
    trace("rope.1", tables_.sines);
  }
  return tables_;
}

}  // namespace sora
