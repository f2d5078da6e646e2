// What a T5EncoderModel's or UMT5EncoderModel's config.json says, and what the network costs.
#pragma once

#include <cstdint>

#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// The members are config.json's keys. Sizes have no defaults: transformers always writes them.
struct T5Config {
  std::int64_t vocab_size = 0;  ///< rows of the embedding; more than the tokenizer has ids
  std::int64_t d_model = 0;
  std::int64_t d_kv = 0;  ///< per head; num_heads * d_kv need not be d_model
  std::int64_t d_ff = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_heads = 0;
  std::int64_t relative_attention_num_buckets = 32;
  std::int64_t relative_attention_max_distance = 128;
  double layer_norm_epsilon = 1e-6;
  bool bias_per_layer = false;  ///< model_type umt5; in t5 all layers share block 0's table of relative positions

  std::int64_t inner_dim() const { return num_heads * d_kv; }
};

/// Error{input} for what is malformed, absurd, or another feed-forward than T5 v1.1's gated GELU.
T5Config read_t5_config(JsonObject json);

/// One item is one token of the prompt.
NetworkCost t5_cost(const T5Config& config);

}  // namespace sora
