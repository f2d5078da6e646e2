// config.json of T5EncoderModel and UMT5EncoderModel, and their cost.
#include "architecture/t5.h"

#include <algorithm>
#include <string_view>

#include "architecture/read_size.h"
#include "base/text.h"

namespace sora {
namespace {

// Far above any real network, low enough that products of them never overflow.
constexpr std::int64_t kMaxVocabulary = 10'000'000, kMaxWidth = 1 << 16, kMaxFfnDim = 1 << 20, kMaxHeads = 1024;
constexpr std::int64_t kMaxLayers = 1024, kMaxBuckets = 1024, kMaxDistance = 1 << 20;

// Prompts are padded to this length at most.
constexpr std::int64_t kTextRows = 512;

void read_position_buckets(JsonObject& json, T5Config& config) {
  config.relative_attention_num_buckets = read_size(json, "relative_attention_num_buckets", 32, kMaxBuckets);
  config.relative_attention_max_distance = read_size(json, "relative_attention_max_distance", 128, kMaxDistance);
  if (config.relative_attention_num_buckets % 4 != 0) {
    json.fail_at("relative_attention_num_buckets",
                 fmt::format("expected a multiple of 4, found {}", config.relative_attention_num_buckets));
  }
  if (config.relative_attention_max_distance <= config.relative_attention_num_buckets / 4) {
    json.fail_at("relative_attention_max_distance",
                 fmt::format("expected more than a quarter of the {} buckets, found {}",
                             config.relative_attention_num_buckets, config.relative_attention_max_distance));
  }
}

// transformers derives the activation from feed_forward_proj, whose default is T5 v1.0's ReLU for t5.
void require_gated_gelu(JsonObject& json, const std::string& model_type) {
  const std::string otherwise = model_type == "t5" ? "relu" : "gated-gelu";
  const auto found = json.read_or<std::string>("feed_forward_proj", otherwise);
  if (found != "gated-gelu") {
    json.fail_at("feed_forward_proj",
                 fmt::format("expected \"gated-gelu\" (T5 v1.1 and UMT5), found \"{}\"", printable(found)));
  }
  json.expect("dense_act_fn", "gelu_new");
  json.expect("is_gated_act", true);
}

void ignore_what_does_not_matter(JsonObject& json) {
  json.ignore({"_name_or_path", "architectures", "dtype", "tokenizer_class", "torch_dtype", "transformers_version"});
  json.ignore({"classifier_dropout", "dropout_rate", "initializer_factor", "n_positions", "task_specific_params"});
  // Of the decoder, which these checkpoints leave out.
  json.ignore({"decoder_start_token_id", "is_decoder", "is_encoder_decoder", "num_decoder_layers", "output_past",
               "scale_decoder_outputs", "tie_word_embeddings", "use_cache"});
  // The ids are the tokenizer's business; scalable_attention was never implemented.
  json.ignore({"bos_token_id", "eos_token_id", "pad_token_id", "scalable_attention"});
}

}  // namespace

T5Config read_t5_config(JsonObject json) {
  T5Config config;
  const auto model_type = json.read<std::string>("model_type");
  if (model_type != "t5" && model_type != "umt5") {
    json.fail_at("model_type", fmt::format("expected \"t5\" or \"umt5\", found \"{}\"", printable(model_type)));
  }
  config.bias_per_layer = model_type == "umt5";
  require_gated_gelu(json, model_type);
  config.vocab_size = read_size(json, "vocab_size", kMaxVocabulary);
  config.d_model = read_size(json, "d_model", kMaxWidth);
  config.d_kv = read_size(json, "d_kv", kMaxWidth);
  config.d_ff = read_size(json, "d_ff", kMaxFfnDim);
  config.num_layers = read_size(json, "num_layers", kMaxLayers);
  config.num_heads = read_size(json, "num_heads", kMaxHeads);
  read_position_buckets(json, config);
  config.layer_norm_epsilon = json.read_or("layer_norm_epsilon", config.layer_norm_epsilon);
  if (!(config.layer_norm_epsilon > 0 && config.layer_norm_epsilon < 1)) {
    json.fail_at("layer_norm_epsilon",
                 fmt::format("expected a number above 0 and below 1, found {}", config.layer_norm_epsilon));
  }
  ignore_what_does_not_matter(json);
  json.finish();
  return config;
}

NetworkCost t5_cost(const T5Config& config) {
  const std::int64_t width = config.d_model, inner = config.inner_dim(), layers = config.num_layers;
  const std::int64_t products = 4 * width * inner + 3 * width * config.d_ff;
  const std::int64_t tables = config.bias_per_layer ? layers : 1;
  NetworkCost cost;
  cost.parameters = config.vocab_size * width + layers * (products + 2 * width) + width +
                    tables * config.relative_attention_num_buckets * config.num_heads;
  cost.block_parameters = config.vocab_size * width + layers * products;  // of the table, rows of tokens are read
  cost.fetched_parameters = products;
  cost.flop_per_item = static_cast<double>(2 * layers * products);
  cost.flop_per_pair = static_cast<double>(4 * inner * layers);
  // Residual and normed tokens, the bias of all heads, and then either queries, keys, values and their attention or the
  // feed-forward's middle.
  const std::int64_t middle = std::max(4 * inner, 3 * config.d_ff);
  cost.values_per_item = static_cast<double>(2 * width + config.num_heads * kTextRows + middle);
  return cost;
}

}  // namespace sora
