// WanTransformer3DModel against diffusers: each layer of one call, all calls of recorded pipeline runs, other shapes;
// and what its config and its weights may be.
#include "architecture/wan_transformer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "networks/networks.h"
#include "nn/trace.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::expect_close;
using test::read_tensors;
using Tensors = std::map<std::string, Tensor>;

constexpr double kLayer = 1e-5, kNetwork = 1e-5, kBf16 = 2e-2;

WanTransformerConfig config_in(const fs::path& folder) {
  JsonObject json = JsonObject::from_file(folder / "config.json");
  json.ignore({"_class_name", "_diffusers_version"});
  return read_wan_transformer_config(std::move(json));
}

// The weights that a denoiser was made of must outlive only its construction.
std::unique_ptr<Denoiser> load(const fs::path& folder, at::ScalarType dtype = at::kFloat) {
  WeightFiles files(read_component_headers(folder, "diffusion_pytorch_model"), at::kCPU, dtype);
  auto denoiser = make_wan_transformer(config_in(folder), files.root());
  files.finish();
  return denoiser;
}

fs::path model(const std::string& name) { return test::data("models/" + name); }
Tensors reference(const std::string& run) { return read_tensors(test::data("ref/" + run + ".safetensors")); }

// The padded rows of a recorded call as an embedding: the rows of zeros at the end are the padding.
TextEmbedding text_of(const Tensor& padded) {
  const std::int64_t tokens = padded.ne(0).any(2).sum().item<std::int64_t>();
  return {padded.narrow(1, 0, tokens), padded.size(1)};
}

// Recorded timesteps, one in all or one a token, as one a latent frame.
Tensor by_frame(const Tensor& timesteps, std::int64_t latent_frames) {
  const Tensor recorded = timesteps.to(at::kFloat);
  return recorded.numel() == 1 ? recorded.expand({latent_frames}) : recorded.view({latent_frames, -1}).select(1, 0);
}

void expect_call(const std::string& name, const Tensor& actual, const Tensor& expected) {
  EXPECT_EQ(actual.scalar_type(), expected.scalar_type()) << name;
  if (expected.scalar_type() == at::kFloat) return expect_close(name, actual, expected, kNetwork);
  expect_close(name, actual, expected, kBf16);
  const Tensor a = actual.to(at::kDouble).flatten(), b = expected.to(at::kDouble).flatten();
  EXPECT_GT(at::cosine_similarity(a, b, 0).item<double>(), 0.999) << name;
}

// All calls of a run: the first with the prompt, the second with the negative prompt if there is guidance, and so on.
void expect_calls(const std::string& run, Denoiser& denoiser, int calls_a_step) {
  const Tensors recorded = reference(run);
  std::vector<PredictFn> bound;
  for (int i = 0; i < calls_a_step; ++i) {
    bound.push_back(denoiser.bind({text_of(recorded.at(fmt::format("dit.{:03}.in.encoder_hidden_states", i)))}));
  }
  int calls = 0;
  for (; recorded.contains(fmt::format("dit.{:03}.out", calls)); ++calls) {
    const std::string name = fmt::format("dit.{:03}", calls);
    const Tensor& latents = recorded.at(name + ".in.hidden_states");
    const Tensor timesteps = by_frame(recorded.at(name + ".in.timestep"), latents.size(2));
    expect_call(run + " " + name, bound[calls % bound.size()](latents, timesteps), recorded.at(name + ".out"));
  }
  EXPECT_GE(calls, 2 * calls_a_step) << run;
}

// What diffusers calls the tensor that we call `name`, in our layout.
Tensor traced_reference(const Tensors& recorded, const std::string& name) {
  const Tensor& tensor = recorded.at("transformer.call0." + name);
  if (name == "patch_embedding") return tensor.flatten(2).transpose(1, 2);
  if (name == "rope.0") return tensor.flatten(0, 2).slice(1, 0, std::nullopt, 2);  // each angle is there twice
  if (name == "rope.1") return tensor.flatten(0, 2).slice(1, 1, std::nullopt, 2);
  return tensor;
}

void expect_layers(const std::string& name, const std::string& run) {
  const Tensors recorded = reference(run);
  const Tensor& latents = recorded.at("dit.000.in.hidden_states");
  const TextEmbedding text = text_of(recorded.at("dit.000.in.encoder_hidden_states"));
  const auto denoiser = load(model(name) / "transformer");
  Tensors traced;
  {
    const TraceScope scope(
        [&](std::string_view tap, const Tensor& value) { traced[std::string(tap)] = value.clone(); });
    denoiser->bind({text})(latents, by_frame(recorded.at("dit.000.in.timestep"), latents.size(2)));
  }
  std::vector<std::string> taps = {"patch_embedding", "rope.0", "rope.1", "block0.attn1", "block0.attn2",
                                   "block0.ffn",      "block0", "block1", "proj_out"};
  if (recorded.contains("transformer.call0.block2")) taps.push_back("block2");
  for (const std::string& tap : taps) {
    ASSERT_TRUE(traced.contains(tap)) << tap;
    expect_close(run + " " + tap, traced.at(tap), traced_reference(recorded, tap), kLayer);
  }
  // Ours has one row for all tokens, and one for all padding.
  for (const std::string tap : {"condition_embedder.0", "condition_embedder.1"}) {
    const Tensor expected = traced_reference(recorded, tap).flatten(0, -2);
    expect_close(run + " " + tap, traced.at(tap).expand_as(expected), expected, kLayer);
  }
  const Tensor embedded = traced_reference(recorded, "condition_embedder.2");
  expect_close(run + " condition_embedder.2", traced.at("condition_embedder.2"),
               embedded.narrow(1, 0, text.states.size(1) + 1), kLayer);
}

TEST(WanTransformer, Layers21) { expect_layers("wan21_t2v", "wan21_t2v/fp32_unipc4"); }
TEST(WanTransformer, Layers22Ti2v) { expect_layers("wan22_ti2v", "wan22_ti2v/fp32_t2v_unipc4"); }

TEST(WanTransformer, Calls21) {
  const auto denoiser = load(model("wan21_t2v") / "transformer");
  expect_calls("wan21_t2v/fp32_unipc4", *denoiser, 2);
  expect_calls("wan21_t2v/fp32_unipc3_nocfg", *denoiser, 1);  // 512 rows of text, another number of frames
  expect_calls("wan21_t2v/fp32_1frame", *denoiser, 2);
  expect_calls("wan21_t2v/fp32_euler4", *denoiser, 2);
  expect_calls("wan21_t2v/fp32_unipc6_order3", *denoiser, 2);
}

TEST(WanTransformer, Calls22Ti2v) {
  const auto denoiser = load(model("wan22_ti2v") / "transformer");
  expect_calls("wan22_ti2v/fp32_t2v_unipc4", *denoiser, 2);
  expect_calls("wan22_ti2v/fp32_i2v_unipc4", *denoiser, 2);  // the first frame at timestep 0
}

TEST(WanTransformer, CallsInBf16) {
  expect_calls("wan21_t2v/bf16_unipc4", *load(model("wan21_t2v") / "transformer", at::kBFloat16), 2);
  expect_calls("wan21_t2v/bf16_euler4", *load(model("wan21_t2v") / "transformer", at::kBFloat16), 2);
  expect_calls("wan22_ti2v/bf16_t2v_unipc3", *load(model("wan22_ti2v") / "transformer", at::kBFloat16), 2);
}

class OtherShapes : public ::testing::TestWithParam<const char*> {};

TEST_P(OtherShapes, MatchTheReference) {
  const fs::path folder = test::data(std::string("denoiser/") + GetParam());
  const Tensors recorded = read_tensors(folder / "calls.safetensors");
  const auto denoiser = load(folder);
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
  int alive = 0;
  std::string order;

  DenoiserLoader loader(char name, const std::string& component, at::ScalarType dtype) {
    return [this, name, component, dtype] {
      EXPECT_EQ(alive, 0) << "the other expert must be gone before " << name << " is loaded";
      order += name;
      return std::make_unique<Counted>(load(model("wan22_a14b_t2v") / component, dtype), alive);
    };
  }
  std::unique_ptr<Denoiser> pair(at::ScalarType dtype) {
    return make_expert_pair(loader('h', "transformer", dtype), loader('l', "transformer_2", dtype), 875, dtype);
  }
};

TEST(ExpertPair, CallsOfA14b) {
  ExpertLoads loads;
  const auto pair = loads.pair(at::kFloat);
  EXPECT_EQ(loads.order, "h");
  expect_calls("wan22_a14b_t2v/fp32_unipc4", *pair, 2);
  EXPECT_EQ(loads.order, "hl");
  EXPECT_EQ(loads.alive, 1);
  expect_calls("wan22_a14b_t2v/fp32_unipc4", *pair, 2);  // the next video begins with the first expert again
  EXPECT_EQ(loads.order, "hlhl");
}

TEST(ExpertPair, CallsInBf16) {
  ExpertLoads loads;
  const auto pair = loads.pair(at::kBFloat16);
  EXPECT_EQ(pair->dtype(), at::kBFloat16);
  expect_calls("wan22_a14b_t2v/bf16_unipc4", *pair, 2);
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
    const auto denoiser = load(folder, dtype);
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
    const std::string text = error_of(Fault::input, [&] { load(folder_); });
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

WanTransformerConfig config_of(const std::string& members) {
  return read_wan_transformer_config({"{" + members + "}", "config.json", Fault::input});
}

std::string config_error(const std::string& members) {
  return error_of(Fault::input, [&] { config_of(members); });
}

TEST(WanTransformerConfig, Defaults) {
  const WanTransformerConfig config = config_of("");
  EXPECT_EQ(config.width(), 5120);
  EXPECT_EQ(config.patch_size, (std::array<int, 3>{1, 2, 2}));
  EXPECT_EQ(config.num_layers, 40);
  EXPECT_EQ(config_of(R"("in_channels": 48, "out_channels": null)").out_channels, 48);
}

TEST(WanTransformerConfig, Refusals) {
  const std::string at = "config.json: key ";
  EXPECT_EQ(config_error(R"("image_dim": 1280)"),
            at + R"("image_dim": is 1280: this is an image-to-video transformer; this version renders text-to-video )"
                 "checkpoints only");
  EXPECT_EQ(
      config_error(R"("in_channels": 36)"),
      at + R"("in_channels": is 36 with 16 "out_channels": this transformer takes more than the noisy latents; this )"
           "version renders text-to-video checkpoints only");
  EXPECT_EQ(config_error(R"("patch_size": [2, 2, 2])"),
            at + R"("patch_size": expected [1, height, width] with sides of 1 to 16, found [2, 2, 2])");
  EXPECT_EQ(config_error(R"("patch_size": [1, 2])"),
            at + R"("patch_size": expected [1, height, width] with sides of 1 to 16, found [1, 2])");
  EXPECT_EQ(config_error(R"("attention_head_dim": 5)"),
            at + R"("attention_head_dim": expected an even number, found 5)");
  EXPECT_EQ(config_error(R"("num_attention_heads": 0)"), at + R"("num_attention_heads": expected 1 to 1024, found 0)");
  EXPECT_EQ(config_error(R"("num_layers": 9223372036854775807)"),
            at + R"("num_layers": expected 1 to 1024, found 9223372036854775807)");
  EXPECT_EQ(config_error(R"("eps": 0)"), at + R"("eps": expected a number above 0 and below 1, found 0)");
  EXPECT_EQ(config_error(R"("qk_norm": "layer_norm")"),
            at + R"("qk_norm": expected "rms_norm_across_heads", found "layer_norm"; nothing else is supported)");
}

TEST(WanTransformerCost, ParametersOfPublishedModels) {
  EXPECT_EQ(wan_transformer_cost(config_of("")).parameters, 14288491584);
  EXPECT_EQ(
      wan_transformer_cost(config_of(R"("num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30)")).parameters,
      1418996800);
  EXPECT_EQ(wan_transformer_cost(config_of(R"("num_attention_heads": 24, "ffn_dim": 14336, "num_layers": 30,
                                              "in_channels": 48, "out_channels": 48)"))
                .parameters,
            4999787712);
}

TEST(WanTransformerCost, FlopsOfOneBlock) {
  const WanTransformerConfig config = config_of(R"("patch_size": [1, 1, 1], "num_attention_heads": 1,
      "attention_head_dim": 2, "in_channels": 3, "out_channels": 3, "ffn_dim": 5, "num_layers": 1)");
  const NetworkCost cost = wan_transformer_cost(config);
  // Patches in and out; six square projections; the feed-forward; 512 keys and values of the text.
  EXPECT_EQ(cost.flop_per_item, 2 * (2 * 3 + 3 * 2 + 6 * 2 * 2 + 2 * 2 * 5 + 2 * 512 * 2));
  EXPECT_EQ(cost.flop_per_pair, 2 * 2 * 2);
  EXPECT_EQ(cost.values_per_item, 5 * 2);
}

}  // namespace
}  // namespace sora
