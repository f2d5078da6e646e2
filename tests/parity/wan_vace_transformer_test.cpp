// WanVACETransformer3DModel against diffusers: each layer of one call, the calls of recorded pipeline runs, other
// shapes; and what its config and its control may be.
#include "architecture/wan_vace_transformer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "networks/networks.h"
#include "support/denoiser_calls.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

using test::error_of;
using test::expect_call;
using test::Tensors;

constexpr test::DenoiserKind kVace{read_wan_vace_transformer_config, make_wan_vace_transformer};

struct RecordedRun {
  const char* name;
  int layers, calls;
};

class Runs : public ::testing::TestWithParam<RecordedRun> {};

TEST_P(Runs, MatchTheReference) {
  const auto& [name, layers, calls] = GetParam();
  const auto denoiser = kVace.load(test::data("models/wan21_vace/transformer"));
  const auto two_scales = [](Context& context) { EXPECT_EQ(context.control_scale.size(), 2); };
  test::expect_run(std::string("wan21_vace/") + name, *denoiser, layers, calls, two_scales);
}

// The last has two reference images, which are two more frames, and a scale of 0.6 for the second hint.
INSTANTIATE_TEST_SUITE_P(WanVaceTransformer, Runs,
                         ::testing::Values(RecordedRun{"fp32_t2v", 6, 2}, RecordedRun{"fp32_flf_mask", 16, 3},
                                           RecordedRun{"fp32_reference", 6, 3}),
                         [](const auto& run) { return std::string(run.param.name); });

class Control : public ::testing::Test {
 protected:
  Tensor call(const Context& context, at::ScalarType dtype = at::kFloat) const {
    return kVace.load(test::data("denoiser/control"), dtype)
        ->bind(context)(recorded_.at("latents"), at::full({3}, 731));
  }
  std::string error(const Context& context) const {
    return error_of(Fault::bug, [&] { call(context); });
  }

  const Tensors recorded_ = test::read_tensors(test::data("denoiser/control/calls.safetensors"));
  Context context_{{recorded_.at("text"), 20}, {}, recorded_.at("control")};
};

// Hints to layers 0, 1 and 3 of four.
TEST_F(Control, InFp32AndBf16) {
  expect_call("plain", call(context_), recorded_.at("plain.out"));
  expect_call("plain", call(context_, at::kBFloat16), recorded_.at("plain.bf16.out"));
  context_.control_scale = {1, 0.6, -0.3};
  expect_call("scaled", call(context_), recorded_.at("scaled.out"));
  expect_call("scaled", call(context_, at::kBFloat16), recorded_.at("scaled.bf16.out"));
}

TEST_F(Control, OneScaleHoldsForAllLayers) {
  context_.control_scale = {0.5, 0.5, 0.5};
  const Tensor each = call(context_);
  context_.control_scale = {0.5};
  EXPECT_TRUE(at::equal(call(context_), each));
}

TEST_F(Control, BlocksOfBothRowsMayBeOffloaded) {
  context_.control_scale = {1, 0.6, -0.3};
  Context other = context_;
  other.text.states = context_.text.states * 0.5;
  test::expect_same_offloaded(kVace, test::data("denoiser/control"), {context_, other}, recorded_.at("latents"),
                              at::full({3}, 731));
}

TEST_F(Control, MustFit) {
  context_.control_scale = {1, 1};
  EXPECT_EQ(error(context_), "2 control scales for 3 layers that see the control");
  context_.control_scale = {};
  context_.control = recorded_.at("control").narrow(1, 0, 6);
  EXPECT_EQ(error(context_), "latents of shape 1 x 6 x 3 x 4 x 6 do not fit the transformer");
  context_.control = recorded_.at("control").narrow(2, 0, 2);
  EXPECT_EQ(error(context_), "latents of 3 x 2 x 3 tokens, a control of 2 x 2 x 3");
  context_.control = Tensor();
  EXPECT_EQ(error(context_), "this transformer needs a control");
}

TEST(WanVaceTransformerConfig, Defaults) {
  const WanVaceTransformerConfig config = kVace.config_of("");
  EXPECT_EQ(config.transformer.width(), 5120);
  EXPECT_THAT(config.vace_layers, ::testing::ElementsAre(0, 5, 10, 15, 20, 25, 30, 35));
  EXPECT_EQ(config.vace_in_channels, 96);
}

TEST(WanVaceTransformerConfig, Refusals) {
  const std::string at = "config.json: key ";
  const auto layers_error = [&](const std::string& found) {
    return at + "\"vace_layers\": expected ascending layers from 0 to 3 at most (\"num_layers\" is 4), found " + found;
  };
  EXPECT_EQ(kVace.config_error(R"("num_layers": 4, "vace_layers": [0, 4])"), layers_error("[0, 4]"));
  EXPECT_EQ(kVace.config_error(R"("num_layers": 4, "vace_layers": [1, 2])"), layers_error("[1, 2]"));
  EXPECT_EQ(kVace.config_error(R"("num_layers": 4, "vace_layers": [0, 2, 1])"), layers_error("[0, 2, 1]"));
  EXPECT_EQ(kVace.config_error(R"("num_layers": 4, "vace_layers": [0, 2, 2])"), layers_error("[0, 2, 2]"));
  EXPECT_EQ(kVace.config_error(R"("num_layers": 4, "vace_layers": [-1, 0])"), layers_error("[-1, 0]"));
  EXPECT_EQ(kVace.config_error(R"("num_layers": 4, "vace_layers": [])"), layers_error("[]"));
  EXPECT_EQ(kVace.config_error(R"("num_layers": 4)"), layers_error("[0, 5, 10, 15, 20, 25, 30, 35]"));
  EXPECT_EQ(kVace.config_error(R"("vace_layers": 5)"), at + R"("vace_layers": expected an array, found 5)");
  EXPECT_EQ(kVace.config_error(R"("vace_in_channels": 0)"), at + R"("vace_in_channels": expected 1 to 4096, found 0)");
  EXPECT_EQ(kVace.config_error(R"("vace_in_channel": 96)"),
            "config.json: unknown key \"vace_in_channel\" (did you mean \"vace_in_channels\"?); this version does not "
            "know what it changes, so it will not ignore it");
  EXPECT_EQ(kVace.config_error(R"("num_layers": 0)"), at + R"("num_layers": expected 1 to 1024, found 0)");
}

TEST(WanVaceTransformerCost, ParametersOfPublishedModels) {
  EXPECT_EQ(wan_vace_transformer_cost(kVace.config_of("")).parameters, 17337592896);
  EXPECT_EQ(wan_vace_transformer_cost(kVace.config_of(R"("num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30,
                             "vace_layers": [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28])"))
                .parameters,
            2153972032);
}

// A control block costs what a block does, and the projection of its hint.
TEST(WanVaceTransformerCost, ControlBlocksCostAsMuchAsBlocks) {
  const std::string shape = R"("num_attention_heads": 1, "attention_head_dim": 2, "ffn_dim": 5, "num_layers": 4)";
  const WanVaceTransformerConfig config = kVace.config_of(shape + R"(, "vace_layers": [0, 1, 3])");
  const NetworkCost cost = wan_vace_transformer_cost(config), plain = wan_transformer_cost(config.transformer);
  EXPECT_EQ(cost.flop_per_pair, plain.flop_per_pair / 4 * 7);
  EXPECT_EQ(cost.flop_per_item - plain.flop_per_item,
            3 * (wan_block_cost(config.transformer).flop_per_item + 2 * 2 * 2));
  EXPECT_EQ(cost.values_per_item, 8 * 2);
}

}  // namespace
}  // namespace sora
