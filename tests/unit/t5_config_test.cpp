// config.json of the text encoders, as transformers 4 and 5 write it, and what is refused in it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "architecture/t5.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

using nlohmann::json;
using test::error_of;

// google/umt5-xxl, as Wan's checkpoints have it.
const json kUmt5Xxl = json::parse(R"({"_name_or_path": "google/umt5-xxl", "architectures": ["UMT5EncoderModel"],
    "classifier_dropout": 0.0, "d_ff": 10240, "d_kv": 64, "d_model": 4096, "decoder_start_token_id": 0,
    "dense_act_fn": "gelu_new", "dropout_rate": 0.1, "eos_token_id": 1, "feed_forward_proj": "gated-gelu",
    "initializer_factor": 1.0, "is_encoder_decoder": true, "is_gated_act": true, "layer_norm_epsilon": 1e-06,
    "model_type": "umt5", "num_decoder_layers": 24, "num_heads": 64, "num_layers": 24, "output_past": true,
    "pad_token_id": 0, "relative_attention_max_distance": 128, "relative_attention_num_buckets": 32,
    "scalable_attention": true, "tie_word_embeddings": false, "tokenizer_class": "T5Tokenizer",
    "torch_dtype": "bfloat16", "transformers_version": "4.48.0", "use_cache": true, "vocab_size": 256384})");

// google/t5-v1_1-xxl.
const json kT5V11Xxl = json::parse(R"({"architectures": ["T5ForConditionalGeneration"], "d_ff": 10240, "d_kv": 64,
    "d_model": 4096, "decoder_start_token_id": 0, "dropout_rate": 0.1, "eos_token_id": 1,
    "feed_forward_proj": "gated-gelu", "initializer_factor": 1.0, "is_encoder_decoder": true,
    "layer_norm_epsilon": 1e-06, "model_type": "t5", "num_decoder_layers": 24, "num_heads": 64, "num_layers": 24,
    "output_past": true, "pad_token_id": 0, "relative_attention_num_buckets": 32, "tie_word_embeddings": false,
    "transformers_version": "4.6.1", "use_cache": true, "vocab_size": 32128})");

T5Config read(const json& config) { return read_t5_config(JsonObject(config.dump(), "config.json", Fault::input)); }

json with(json config, const std::string& key, json value) {
  config[key] = std::move(value);
  return config;
}

json without(json config, const std::string& key) {
  config.erase(key);
  return config;
}

TEST(T5Config, ReadsUmt5) {
  const T5Config config = read(kUmt5Xxl);
  EXPECT_EQ(config.vocab_size, 256384);
  EXPECT_EQ(config.d_model, 4096);
  EXPECT_EQ(config.d_kv, 64);
  EXPECT_EQ(config.d_ff, 10240);
  EXPECT_EQ(config.num_layers, 24);
  EXPECT_EQ(config.num_heads, 64);
  EXPECT_EQ(config.relative_attention_num_buckets, 32);
  EXPECT_EQ(config.relative_attention_max_distance, 128);
  EXPECT_EQ(config.layer_norm_epsilon, 1e-6);
  EXPECT_TRUE(config.bias_per_layer);
}

TEST(T5Config, ReadsT5WithItsDefaults) {
  const T5Config config = read(kT5V11Xxl);
  EXPECT_EQ(config.vocab_size, 32128);
  EXPECT_EQ(config.relative_attention_max_distance, 128);
  EXPECT_FALSE(config.bias_per_layer);
}

TEST(T5Config, ReadsWhatTransformers5Writes) {
  for (const char* model : {"models/wan21_t2v", "models/wan22_ti2v", "models/t5_encoder"}) {
    const T5Config config = read_t5_config(JsonObject::from_file(test::data(model) / "text_encoder/config.json"));
    EXPECT_EQ(config.d_model, 32) << model;
  }
}

TEST(T5Config, CostsWhatTheModelHas) {
  const NetworkCost cost = t5_cost(read(kUmt5Xxl));
  EXPECT_EQ(cost.parameters, 5'680'910'336);  // sum of UMT5EncoderModel's parameters
  EXPECT_EQ(cost.flop_per_item, 2.0 * 24 * (4 * 4096 * 4096 + 3 * 4096 * 10240.0));
  EXPECT_EQ(cost.flop_per_pair, 4.0 * 24 * 4096);
  EXPECT_EQ(t5_cost(read(kT5V11Xxl)).parameters, 4'762'310'656);  // sum of T5EncoderModel's parameters
}

struct BadConfig {
  const char* name;
  json config;
  const char* message;
};

void PrintTo(const BadConfig& bad, std::ostream* out) { *out << bad.name; }

class T5ConfigErrors : public ::testing::TestWithParam<BadConfig> {};

TEST_P(T5ConfigErrors, NameTheKey) {
  EXPECT_EQ(error_of(Fault::input, [] { read(GetParam().config); }), std::string("config.json: ") + GetParam().message);
}

std::vector<BadConfig> bad_configs() {
  return {
      {"model_type", with(kUmt5Xxl, "model_type", "mt5"), R"(key "model_type": expected "t5" or "umt5", found "mt5")"},
      {"relu", with(kT5V11Xxl, "feed_forward_proj", "relu"),
       R"(key "feed_forward_proj": expected "gated-gelu" (T5 v1.1 and UMT5), found "relu")"},
      {"relu_by_default", without(kT5V11Xxl, "feed_forward_proj"),
       R"(key "feed_forward_proj": expected "gated-gelu" (T5 v1.1 and UMT5), found "relu")"},
      {"activation", with(kUmt5Xxl, "dense_act_fn", "silu"),
       R"(key "dense_act_fn": expected "gelu_new", found "silu"; nothing else is supported)"},
      {"not_gated", with(kUmt5Xxl, "is_gated_act", false),
       R"(key "is_gated_act": expected true, found false; nothing else is supported)"},
      {"no_layers", with(kUmt5Xxl, "num_layers", 0), R"(key "num_layers": expected 1 to 1024, found 0)"},
      {"negative_width", with(kUmt5Xxl, "d_model", -1), R"(key "d_model": expected 1 to 65536, found -1)"},
      {"huge_vocabulary", with(kUmt5Xxl, "vocab_size", 1LL << 40),
       R"(key "vocab_size": expected 1 to 10000000, found 1099511627776)"},
      {"odd_buckets", with(kUmt5Xxl, "relative_attention_num_buckets", 30),
       R"(key "relative_attention_num_buckets": expected a multiple of 4, found 30)"},
      {"near_distance", with(kUmt5Xxl, "relative_attention_max_distance", 8),
       R"(key "relative_attention_max_distance": expected more than a quarter of the 32 buckets, found 8)"},
      {"epsilon", with(kUmt5Xxl, "layer_norm_epsilon", 0),
       R"(key "layer_norm_epsilon": expected a number above 0 and below 1, found 0)"},
  };
}

INSTANTIATE_TEST_SUITE_P(All, T5ConfigErrors, ::testing::ValuesIn(bad_configs()),
                         [](const auto& test) { return test.param.name; });

TEST(T5Config, NamesWhatIsMissingAndWhatIsTooMuch) {
  EXPECT_NE(error_of(Fault::input, [] { read(without(kUmt5Xxl, "d_kv")); }).find("\"d_kv\""), std::string::npos);
  EXPECT_NE(
      error_of(Fault::input, [] { read(with(kUmt5Xxl, "quantization_config", "x")); }).find("\"quantization_config\""),
      std::string::npos);
}

}  // namespace
}  // namespace sora
