// WanTransformer3DModel against diffusers: each layer of one call, all calls of recorded pipeline runs, other shapes;
// and what its config and its weights may be.
#include "architecture/wan_transformer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "networks/networks.h"
#include "support/denoiser_calls.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::expect_call;
using test::expect_calls;
using test::expect_close;
using test::expect_layers;
using test::read_tensors;
using test::recorded_context;
using test::recorded_run;
using test::Tensors;

constexpr double kNetwork = 1e-5;

constexpr test::DenoiserKind kWan{read_wan_transformer_config, make_wan_transformer};

fs::path model(const std::string& name) { return test::data("models/" + name); }

// The recorded calls of a run: the first with the prompt, the second with the negative prompt if there is guidance, and
// so on; no fewer than `least`.
void expect_run(const std::string& run, Denoiser& denoiser, int calls_a_step, int least = 4) {
  const Tensors recorded = recorded_run(run);
  std::vector<Context> contexts;
  for (int call = 0; call < calls_a_step; ++call) contexts.push_back(recorded_context(recorded, call));
  expect_calls(run, recorded, denoiser, contexts, least);
}

void expect_layers_of(const std::string& name, const std::string& run, int least) {
  const Tensors recorded = recorded_run(run);
  const auto denoiser = kWan.load(model(name) / "transformer");
  expect_layers(run, recorded, *denoiser, recorded_context(recorded, 0), least);
}

TEST(WanTransformer, Layers21) { expect_layers_of("wan21_t2v", "wan21_t2v/fp32_unipc4", 13); }
TEST(WanTransformer, Layers22Ti2v) { expect_layers_of("wan22_ti2v", "wan22_ti2v/fp32_t2v_unipc4", 12); }
TEST(WanTransformer, Layers21I2v) { expect_layers_of("wan21_i2v", "wan21_i2v/fp32_unipc3", 13); }
TEST(WanTransformer, Layers22A14bI2v) { expect_layers_of("wan22_a14b_i2v", "wan22_a14b_i2v/fp32_unipc4", 5); }

// Stored in fp32, fp16 and bf16.
TEST(WanTransformer, BlocksMayBeOffloaded) {
  for (const char* run : {"wan21_t2v/fp32_unipc4", "wan22_ti2v/fp32_t2v_unipc4", "wan22_a14b_t2v/fp32_unipc4"}) {
    const Tensors recorded = recorded_run(run);
    const Tensor& latents = recorded.at("dit.000.in.hidden_states");
    const std::string name(run, std::string_view(run).find('/'));
    test::expect_same_offloaded(kWan, model(name) / "transformer",
                                {recorded_context(recorded, 0), recorded_context(recorded, 1)}, latents,
                                at::full({latents.size(2)}, 731));
  }
}

// Image and text are told apart from each other at row 512, so the text has all its rows.
TEST(WanTransformer, Calls21I2v) {
  expect_run("wan21_i2v/fp32_unipc3", *kWan.load(model("wan21_i2v") / "transformer"), 2, 3);
}

// Two images, with positions. Its prompts are those of the run with one.
TEST(WanTransformer, Calls21Flf2v) {
  const std::string run = "wan21_flf2v/fp32_unipc3";
  Tensors recorded = recorded_run("wan21_i2v/fp32_unipc3");
  std::erase_if(recorded, [](const auto& tensor) { return !tensor.first.ends_with(".in.encoder_hidden_states"); });
  recorded.merge(recorded_run(run));
  const auto denoiser = kWan.load(model("wan21_flf2v") / "transformer");
  const std::vector<Context> contexts = {recorded_context(recorded, 0), recorded_context(recorded, 1)};
  EXPECT_EQ(contexts[0].image.size(0), 2);
  expect_layers(run, recorded, *denoiser, contexts[0], 6);
  expect_calls(run, recorded, *denoiser, contexts, 2);
}

TEST(WanTransformer, Calls21) {
  const auto denoiser = kWan.load(model("wan21_t2v") / "transformer");
  expect_run("wan21_t2v/fp32_unipc4", *denoiser, 2);
  expect_run("wan21_t2v/fp32_unipc3_nocfg", *denoiser, 1, 3);  // 512 rows of text, another number of frames
  expect_run("wan21_t2v/fp32_1frame", *denoiser, 2);
  expect_run("wan21_t2v/fp32_euler4", *denoiser, 2);
  expect_run("wan21_t2v/fp32_unipc6_order3", *denoiser, 2);
}

TEST(WanTransformer, Calls22Ti2v) {
  const auto denoiser = kWan.load(model("wan22_ti2v") / "transformer");
  expect_run("wan22_ti2v/fp32_t2v_unipc4", *denoiser, 2);
  expect_run("wan22_ti2v/fp32_i2v_unipc4", *denoiser, 2);  // the first frame at timestep 0
}

TEST(WanTransformer, CallsInBf16) {
  expect_run("wan21_t2v/bf16_unipc4", *kWan.load(model("wan21_t2v") / "transformer", at::kBFloat16), 2);
  expect_run("wan21_t2v/bf16_euler4", *kWan.load(model("wan21_t2v") / "transformer", at::kBFloat16), 2);
  expect_run("wan22_ti2v/bf16_t2v_unipc3", *kWan.load(model("wan22_ti2v") / "transformer", at::kBFloat16), 2);
}

// The states of two images with their positions, and blocks without a norm before cross-attention.
class ImagePair : public ::testing::Test {
 protected:
  Tensor call(at::ScalarType dtype = at::kFloat) const {
    return kWan.load(folder_, dtype)->bind(context_)(recorded_.at("latents"), at::full({2}, 731));
  }

  const fs::path folder_ = test::data("denoiser/image_pair");
  const Tensors recorded_ = read_tensors(folder_ / "calls.safetensors");
  Context context_{{recorded_.at("text"), 512}, recorded_.at("image")};
};

TEST_F(ImagePair, InFp32AndBf16) {
  expect_call("fp32", call(), recorded_.at("both.out"));
  expect_call("bf16", call(at::kBFloat16), recorded_.at("both.bf16.out"));
}

TEST_F(ImagePair, BlocksMayBeOffloaded) {
  test::expect_same_offloaded(kWan, folder_, {context_}, recorded_.at("latents"), at::full({2}, 731));
}

TEST_F(ImagePair, MustFit) {
  context_.text.padded_length = 511;
  EXPECT_EQ(
      error_of(Fault::usage, [&] { call(); }),
      "--max-sequence-length 511: a transformer that also sees images takes 512 text tokens, no more and no less");
  context_.text.padded_length = 512;
  context_.image = recorded_.at("image").narrow(0, 0, 1);
  EXPECT_EQ(error_of(Fault::bug, [&] { call(); }), "image states of shape 1 x 4 x 6 do not fit the transformer");
  context_.image = recorded_.at("image").narrow(1, 0, 3);
  EXPECT_EQ(error_of(Fault::bug, [&] { call(); }), "image states of shape 2 x 3 x 6 do not fit the transformer");
  context_.image = Tensor();
  EXPECT_EQ(error_of(Fault::bug, [&] { call(); }), "an image is needed by this transformer, and is not given");
}

TEST(WanTransformer, TakesNoImageWithoutAnImageDim) {
  Context context = recorded_context(recorded_run("wan21_t2v/fp32_unipc4"), 0);
  context.image = at::ones({1, 5, 24});
  EXPECT_EQ(error_of(Fault::bug, [&] { kWan.load(model("wan21_t2v") / "transformer")->bind(context); }),
            "an image is not taken by this transformer, and is given");
}

class OtherShapes : public ::testing::TestWithParam<const char*> {};

TEST_P(OtherShapes, MatchTheReference) {
  const fs::path folder = test::data(std::string("denoiser/") + GetParam());
  const Tensors recorded = read_tensors(folder / "calls.safetensors");
  const auto denoiser = kWan.load(folder);
  const Tensor &latents = recorded.at("latents"), &frames = recorded.at("frame.timesteps"), &text = recorded.at("text");
  const Tensor same = at::full({3}, 731.0);
  const PredictFn padded = denoiser->bind({{text, 20}}), unpadded = denoiser->bind({{text, 5}});
  expect_close("same", padded(latents, same), recorded.at("same.out"), kNetwork);
  expect_close("frame", padded(latents, frames), recorded.at("frame.out"), kNetwork);
  expect_close("unpadded", unpadded(latents, same.to(at::kLong)), recorded.at("unpadded.out"), kNetwork);
}

INSTANTIATE_TEST_SUITE_P(WanTransformer, OtherShapes, ::testing::Values("pixel_patches", "wide_patches", "one_head"),
                         [](const auto& shape) { return std::string(shape.param); });

// A denoiser that tells how many of its kind are alive.
class Counted final : public Denoiser {
 public:
  Counted(std::unique_ptr<Denoiser> inner, int& alive) : inner_(std::move(inner)), alive_(alive) { ++alive_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() override { --alive_; }
  PredictFn bind(const Context& context) override { return inner_->bind(context); }
  at::ScalarType dtype() const override { return inner_->dtype(); }

 private:
  std::unique_ptr<Denoiser> inner_;
  int& alive_;
};

struct ExpertLoads {
  explicit ExpertLoads(std::string name = "wan22_a14b_t2v") : checkpoint(std::move(name)) {}

  std::string checkpoint;
  int alive = 0;
  std::string order;

  DenoiserLoader loader(char name, const std::string& component, at::ScalarType dtype) {
    return [this, name, component, dtype] {
      EXPECT_EQ(alive, 0) << "the other expert must be gone before " << name << " is loaded";
      order += name;
      return std::make_unique<Counted>(kWan.load(model(checkpoint) / component, dtype), alive);
    };
  }
  std::unique_ptr<Denoiser> pair(at::ScalarType dtype, double boundary = 875) {
    return make_expert_pair(loader('h', "transformer", dtype), loader('l', "transformer_2", dtype), boundary, dtype);
  }
};

TEST(ExpertPair, CallsOfA14b) {
  ExpertLoads loads;
  const auto pair = loads.pair(at::kFloat);
  EXPECT_EQ(loads.order, "h");
  expect_run("wan22_a14b_t2v/fp32_unipc4", *pair, 2);
  EXPECT_EQ(loads.order, "hl");
  EXPECT_EQ(loads.alive, 1);
  expect_run("wan22_a14b_t2v/fp32_unipc4", *pair, 2);  // the next video begins with the first expert again
  EXPECT_EQ(loads.order, "hlhl");
}

TEST(ExpertPair, CallsOfA14bI2v) {
  ExpertLoads loads("wan22_a14b_i2v");
  const auto pair = loads.pair(at::kFloat, 900);
  expect_run("wan22_a14b_i2v/fp32_unipc4", *pair, 2, 3);
  EXPECT_EQ(loads.order, "hl");
}

TEST(ExpertPair, CallsInBf16) {
  ExpertLoads loads;
  const auto pair = loads.pair(at::kBFloat16);
  EXPECT_EQ(pair->dtype(), at::kBFloat16);
  expect_run("wan22_a14b_t2v/bf16_unipc4", *pair, 2);
}

TEST(ExpertPair, BoundaryBelongsToTheFirst) {
  ExpertLoads loads;
  const auto pair = loads.pair(at::kFloat);
  const PredictFn predict = pair->bind({{at::ones({1, 2, 32}), 4}});
  const Tensor latents = at::ones({1, 16, 1, 2, 2});
  const Tensor high = predict(latents, at::full({1}, 875.0));
  EXPECT_EQ(loads.order, "h");
  const Tensor low = predict(latents, at::full({1}, 874.5));
  EXPECT_EQ(loads.order, "hl");
  EXPECT_FALSE(at::equal(high, low));
  EXPECT_TRUE(at::equal(predict(latents, at::full({1}, 875.0)), high));
  EXPECT_EQ(loads.order, "hlh");
}

// One row stands for all padding, two in bf16; spelt out as rows of zeros, the text must give the same.
TEST(WanTransformer, PaddingEqualsRowsOfZeros) {
  const fs::path folder = test::data("denoiser/one_head");
  const Tensors recorded = read_tensors(folder / "calls.safetensors");
  const Tensor &latents = recorded.at("latents"), &frames = recorded.at("frame.timesteps"), &text = recorded.at("text");
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const auto denoiser = kWan.load(folder, dtype);
    for (const std::int64_t padding : {1, 2, 3, 15, 507}) {
      const Tensor spelt_out = at::cat({text, at::zeros({1, padding, 8})}, 1);
      const Tensor short_form = denoiser->bind({{text, 5 + padding}})(latents, frames);
      const Tensor long_form = denoiser->bind({{spelt_out, 5 + padding}})(latents, frames);
      expect_close(std::to_string(padding), short_form, long_form, dtype == at::kFloat ? 1e-6 : 5e-3);
    }
  }
}

class BrokenWeights : public ::testing::Test {
 protected:
  BrokenWeights() : tensors_(read_tensors(test::data("denoiser/wide_patches/diffusion_pytorch_model.safetensors"))) {
    fs::create_directories(folder_);
    fs::copy_file(test::data("denoiser/wide_patches/config.json"), folder_ / "config.json");
  }
  std::string load_error() {
    test::write_tensors(folder_ / "diffusion_pytorch_model.safetensors", tensors_);
    const std::string text = error_of(Fault::input, [&] { kWan.load(folder_); });
    return text.starts_with(folder_.string()) ? text.substr(folder_.string().size()) : text;
  }

  test::TempDir temp_;
  const fs::path folder_ = temp_ / "transformer";
  Tensors tensors_;
};

TEST_F(BrokenWeights, Missing) {
  tensors_.erase("blocks.1.attn2.to_out.0.weight");
  EXPECT_THAT(load_error(),
              ::testing::StartsWith(": tensor \"blocks.1.attn2.to_out.0.weight\" is missing; expected shape [20, 20]"));
}

TEST_F(BrokenWeights, Misshapen) {
  tensors_["patch_embedding.weight"] = at::zeros({20, 4, 1, 3, 1});
  EXPECT_EQ(load_error(),
            "/diffusion_pytorch_model.safetensors: tensor \"patch_embedding.weight\": expected shape "
            "[20, 4, 1, 1, 3], found [20, 4, 1, 3, 1]");
}

TEST_F(BrokenWeights, LeftOver) {
  tensors_["blocks.2.scale_shift_table"] = at::zeros({1, 6, 20});
  EXPECT_EQ(
      load_error(),
      ": 1 of its tensors belong to no part of the network that its config describes: \"blocks.2.scale_shift_table\"");
}

TEST_F(BrokenWeights, UnusedNormIsFine) {
  tensors_["blocks.0.attn2.norm_added_q.weight"] = at::zeros({20});
  EXPECT_EQ(load_error(), "nothing was thrown");
}

TEST(WanTransformerConfig, Defaults) {
  const WanTransformerConfig config = kWan.config_of("");
  EXPECT_EQ(config.width(), 5120);
  EXPECT_EQ(config.patch_size, (std::array<int, 3>{1, 2, 2}));
  EXPECT_EQ(config.num_layers, 40);
  EXPECT_EQ(kWan.config_of(R"("in_channels": 48, "out_channels": null)").out_channels, 48);
}

TEST(WanTransformerConfig, ImageKeys) {
  const WanTransformerConfig config = kWan.config_of(R"("in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120,
                                                   "pos_embed_seq_len": 514)");
  EXPECT_EQ(config.in_channels, 36);
  EXPECT_EQ(config.out_channels, 16);
  EXPECT_EQ(config.image_dim, 1280);
  EXPECT_EQ(config.pos_embed_seq_len, 514);
  const std::string nulls = R"("image_dim": null, "added_kv_proj_dim": null, "pos_embed_seq_len": null)";
  EXPECT_EQ(kWan.config_of(nulls).image_dim, std::nullopt);
  EXPECT_EQ(kWan.config_of(R"("image_dim": 1280, "added_kv_proj_dim": 5120)").pos_embed_seq_len, std::nullopt);
}

TEST(WanTransformerConfig, ImageKeysThatDoNotFit) {
  const std::string at = "config.json: key ";
  EXPECT_EQ(kWan.config_error(R"("image_dim": 1280)"),
            at + R"("added_kv_proj_dim": expected 5120, the width of the transformer, which has an "image_dim"; )"
                 "found null");
  EXPECT_EQ(kWan.config_error(R"("image_dim": 1280, "added_kv_proj_dim": 1280)"),
            at + R"("added_kv_proj_dim": expected 5120, the width of the transformer, which has an "image_dim"; )"
                 "found 1280");
  EXPECT_EQ(kWan.config_error(R"("added_kv_proj_dim": 5120)"),
            at + R"("added_kv_proj_dim": expected null, as "image_dim" is; found 5120)");
  EXPECT_EQ(kWan.config_error(R"("pos_embed_seq_len": 514)"),
            at + R"("pos_embed_seq_len": expected null, as "image_dim" is; found 514)");
  EXPECT_EQ(kWan.config_error(R"("image_dim": 1280, "added_kv_proj_dim": 5120, "pos_embed_seq_len": 513)"),
            at + R"("pos_embed_seq_len": expected an even number, found 513)");
  EXPECT_EQ(kWan.config_error(R"("image_dim": 1280, "added_kv_proj_dim": 5120, "pos_embed_seq_len": -2)"),
            at + R"("pos_embed_seq_len": expected 1 to 65536, found -2)");
  EXPECT_EQ(kWan.config_error(R"("image_dim": 0, "added_kv_proj_dim": 5120)"),
            at + R"("image_dim": expected 1 to 65536, found 0)");
  EXPECT_EQ(kWan.config_error(R"("image_dim": "1280")"),
            at + R"("image_dim": expected an integer, found "1280" (a string))");
}

TEST(WanTransformerConfig, Refusals) {
  const std::string at = "config.json: key ";
  EXPECT_EQ(kWan.config_error(R"("patch_size": [2, 2, 2])"),
            at + R"("patch_size": expected [1, height, width] with sides of 1 to 16, found [2, 2, 2])");
  EXPECT_EQ(kWan.config_error(R"("patch_size": [1, 2])"),
            at + R"("patch_size": expected [1, height, width] with sides of 1 to 16, found [1, 2])");
  EXPECT_EQ(kWan.config_error(R"("attention_head_dim": 5)"),
            at + R"("attention_head_dim": expected an even number, found 5)");
  EXPECT_EQ(kWan.config_error(R"("num_attention_heads": 0)"),
            at + R"("num_attention_heads": expected 1 to 1024, found 0)");
  EXPECT_EQ(kWan.config_error(R"("num_layers": 9223372036854775807)"),
            at + R"("num_layers": expected 1 to 1024, found 9223372036854775807)");
  EXPECT_EQ(kWan.config_error(R"("eps": 0)"), at + R"("eps": expected a number above 0 and below 1, found 0)");
  EXPECT_EQ(kWan.config_error(R"("qk_norm": "layer_norm")"),
            at + R"("qk_norm": expected "rms_norm_across_heads", found "layer_norm"; nothing else is supported)");
}

TEST(WanTransformerCost, ParametersOfPublishedModels) {
  EXPECT_EQ(wan_transformer_cost(kWan.config_of("")).parameters, 14288491584);
  EXPECT_EQ(wan_transformer_cost(kWan.config_of(R"("num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30)"))
                .parameters,
            1418996800);
  EXPECT_EQ(wan_transformer_cost(kWan.config_of(R"("num_attention_heads": 24, "ffn_dim": 14336, "num_layers": 30,
                                              "in_channels": 48, "out_channels": 48)"))
                .parameters,
            4999787712);
  EXPECT_EQ(wan_transformer_cost(kWan.config_of(R"("in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120)"))
                .parameters,
            16394878784);
}

TEST(WanTransformerCost, FlopsOfOneBlock) {
  const WanTransformerConfig config = kWan.config_of(R"("patch_size": [1, 1, 1], "num_attention_heads": 1,
      "attention_head_dim": 2, "in_channels": 3, "out_channels": 3, "ffn_dim": 5, "num_layers": 1)");
  const NetworkCost cost = wan_transformer_cost(config);
  // Patches in and out; six square projections; the feed-forward; 512 keys and values of the text.
  EXPECT_EQ(cost.flop_per_item, 2 * (2 * 3 + 3 * 2 + 6 * 2 * 2 + 2 * 2 * 5 + 2 * 512 * 2));
  EXPECT_EQ(cost.flop_per_pair, 2 * 2 * 2);
  EXPECT_EQ(cost.values_per_item, 5 * 2);
}

TEST(WanTransformerCost, ImagesAddTheirKeys) {
  const std::string shape = R"("num_attention_heads": 1, "attention_head_dim": 2, "ffn_dim": 5, "num_layers": 3)";
  const std::string image = shape + R"(, "image_dim": 4, "added_kv_proj_dim": 2)";
  const NetworkCost text = wan_transformer_cost(kWan.config_of(shape)),
                    one = wan_transformer_cost(kWan.config_of(image));
  const NetworkCost two = wan_transformer_cost(kWan.config_of(image + R"(, "pos_embed_seq_len": 6)"));
  // Two projections of image rows, two norms; in each of three blocks two projections and a norm.
  EXPECT_EQ(one.parameters - text.parameters, (4 * 4 + 4) + (4 * 2 + 2) + 2 * 4 + 2 * 2 + 3 * (2 * (2 * 2 + 2) + 2));
  EXPECT_EQ(two.parameters - one.parameters, 6 * 4);
  EXPECT_EQ(one.flop_per_item - text.flop_per_item, 3 * 4 * 257 * 2);
  EXPECT_EQ(two.flop_per_item - text.flop_per_item, 3 * 4 * 6 * 2);
  EXPECT_EQ(one.values_per_item, text.values_per_item);
}

}  // namespace
}  // namespace sora
