// CLIPVisionModel (transformers): a pre-norm transformer over the patches of a picture and a class token in front of
// them. Video models take the states before its last layer.
#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/resample.h"
#include "networks/networks.h"
#include "nn/attention.h"
#include "nn/layers.h"
#include "nn/trace.h"
#include "sora/render.h"

namespace sora {
namespace {

constexpr int kChannels = 3;

/// CLIPImageProcessor.
class Preprocessing {
 public:
  explicit Preprocessing(const ClipImageProcessorConfig& config) : config_(config) {
    // In the types in which the reference computes: the division in double, the rest in fp32.
    for (int c = 0; c < kChannels; ++c) {
      const auto mean = static_cast<float>(config.image_mean[c]), std = static_cast<float>(config.image_std[c]);
      for (int level = 0; level < 256; ++level)
        normalised_[c][level] = (static_cast<float>(level * (1.0 / 255)) - mean) / std;
    }
  }

  // -> [1, 3, crop_size, crop_size]
  Tensor operator()(const Frames& picture) const {
    require(picture.count == 1, Fault::bug, "{} frames were given as one picture", picture.count);
    const int side = config_.crop_size;
    const PixelSize from{picture.width, picture.height}, to = resized(from);
    const Crop middle{(to.width - side) / 2, (to.height - side) / 2, {side, side}};
    const std::vector<std::uint8_t> rgb = Resampler(from, to, middle, Filter::bicubic)(picture.rgb);
    Tensor pixels = at::empty({1, kChannels, side, side}, at::kFloat);
    float* out = pixels.mutable_data_ptr<float>();
    for (int c = 0; c < kChannels; ++c) {
      for (std::size_t i = c; i < rgb.size(); i += kChannels) *out++ = normalised_[c][rgb[i]];
    }
    return pixels;
  }

 private:
  PixelSize resized(const PixelSize& from) const {
    const std::int64_t edge = config_.shortest_edge;
    if (from.height <= from.width) return {static_cast<int>(edge * from.width / from.height), config_.shortest_edge};
    return {config_.shortest_edge, static_cast<int>(edge * from.height / from.width)};
  }

  ClipImageProcessorConfig config_;
  std::array<std::array<float, 256>, kChannels> normalised_{};
};

struct Embeddings {
  Tensor patch_weight;     // [D, 3, patch, patch]
  Tensor class_embedding;  // [D]
  Tensor positions;        // [1 + patches, D]
  std::int64_t patch_size;

  Embeddings(const Weights& weights, const ClipVisionConfig& config)
      : patch_weight(weights.take("patch_embedding.weight",
                                  {config.hidden_size, kChannels, config.patch_size, config.patch_size})),
        class_embedding(weights.take("class_embedding", {config.hidden_size})),
        positions(weights.take("position_embedding.weight", {1 + config.patches(), config.hidden_size})),
        patch_size(config.patch_size) {
    weights.ignore("position_ids");
  }

  // [n, 3, H, W] -> [n, 1 + patches, D]
  Tensor operator()(const Tensor& pixels) const {
    const Tensor patches =
        at::conv2d(pixels, patch_weight, /*bias=*/{}, {patch_size, patch_size}).flatten(2).transpose(1, 2);
    const Tensor first = class_embedding.expand({pixels.size(0), 1, -1});
    return at::cat({first, patches}, 1) + positions;
  }
};

struct Layer {
  LayerNorm norm1;
  std::int64_t heads;
  Linear q, k, v, out;
  LayerNorm norm2;
  Linear fc1, fc2;
  ClipActivation activation;

  Layer(const Weights& weights, const ClipVisionConfig& config)
      : norm1(weights.sub("layer_norm1"), config.hidden_size, config.layer_norm_eps),
        heads(config.num_attention_heads),
        q(weights.sub("self_attn").sub("q_proj"), config.hidden_size, config.hidden_size),
        k(weights.sub("self_attn").sub("k_proj"), config.hidden_size, config.hidden_size),
        v(weights.sub("self_attn").sub("v_proj"), config.hidden_size, config.hidden_size),
        out(weights.sub("self_attn").sub("out_proj"), config.hidden_size, config.hidden_size),
        norm2(weights.sub("layer_norm2"), config.hidden_size, config.layer_norm_eps),
        fc1(weights.sub("mlp").sub("fc1"), config.hidden_size, config.intermediate_size),
        fc2(weights.sub("mlp").sub("fc2"), config.intermediate_size, config.hidden_size),
        activation(config.hidden_act) {}

  Tensor operator()(const Tensor& x) const {
    const Tensor normed = norm1(x);
    const Tensor attended = x + out(attention(q(normed), k(normed), v(normed), heads));
    const Tensor middle = fc1(norm2(attended));
    const bool quick = activation == ClipActivation::quick_gelu;
    return attended + fc2(quick ? middle * at::sigmoid(1.702 * middle) : at::gelu(middle));
  }
};

// What comes after the states that are used. The last layer must be there nevertheless: which states are used depends
// on how many layers there are.
void ignore_head(const Weights& root, const Weights& tower, const Weights& last_layer, const ClipVisionConfig& config) {
  last_layer.take("layer_norm1.weight", {config.hidden_size});
  for (const std::string part : {"layer_norm1", "layer_norm2", "self_attn.q_proj", "self_attn.k_proj",
                                 "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2"}) {
    last_layer.ignore(part + ".weight");
    last_layer.ignore(part + ".bias");
  }
  tower.ignore("post_layernorm.weight");
  tower.ignore("post_layernorm.bias");
  root.ignore("visual_projection.weight");
}

class ClipVision final : public ImageEncoder {
 public:
  ClipVision(const ClipVisionConfig& config, const ClipImageProcessorConfig& processor, const Weights& root,
             const Weights& tower)
      : preprocessing_(processor),
        embeddings_(tower.sub("embeddings"), config),
        first_norm_(tower.sub("pre_layrnorm"), config.hidden_size, config.layer_norm_eps) {
    const Weights layers = tower.sub("encoder").sub("layers");
    const std::int64_t used = config.num_hidden_layers - 1;
    for (std::int64_t i = 0; i < used; ++i) layers_.emplace_back(layers.sub(i), config);
    ignore_head(root, tower, layers.sub(used), config);
  }

  Tensor encode(const std::vector<Frames>& pictures) const override {
    std::vector<Tensor> pixels;
    for (const Frames& picture : pictures) pixels.push_back(preprocessing_(picture));
    const Tensor batch = at::cat(pixels);  // [n, 3, H, W]
    trace("clip", "pixel_values", batch);
    Tensor x = first_norm_(embeddings_(batch.to(embeddings_.patch_weight.options())));
    trace("clip", "hidden_states.0", x);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      x = layers_[i](x);
      trace("clip", "hidden_states." + std::to_string(i + 1), x);
    }
    return x;
  }

 private:
  Preprocessing preprocessing_;
  Embeddings embeddings_;
  LayerNorm first_norm_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<ImageEncoder> make_clip_vision(const ClipVisionConfig& config,
                                               const ClipImageProcessorConfig& processor, const Weights& weights) {
  // transformers 5 leaves out the prefix that versions before it write.
  const bool prefixed = weights.has("vision_model.embeddings.class_embedding");
  return std::make_unique<ClipVision>(config, processor, weights, prefixed ? weights.sub("vision_model") : weights);
}

}  // namespace sora
