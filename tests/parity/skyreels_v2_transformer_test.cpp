// SkyReelsV2Transformer3DModel against diffusers: each layer of one call, the calls of recorded pipeline runs with
// diffusion forcing and without, other shapes; and what its config and its frames may be.
#include "architecture/skyreels_v2_transformer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "networks/networks.h"
#include "nn/timestep.h"
#include "support/denoiser_calls.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

using test::error_of;
using test::expect_call;
using test::Tensors;

constexpr test::DenoiserKind kSkyReels{read_skyreels_v2_transformer_config, make_skyreels_v2_transformer};

struct RecordedRun {
  const char *model, *name;
  int causal_block, layers, calls;
};

class Runs : public ::testing::TestWithParam<RecordedRun> {};

TEST_P(Runs, MatchTheReference) {
  const auto& [model, name, causal_block, layers, calls] = GetParam();
  const std::string run = fmt::format("{}/{}", model, name);
  const auto denoiser = kSkyReels.load(test::data(fmt::format("models/{}/transformer", model)));
  test::expect_run(run, *denoiser, layers, calls, [&](Context& context) {
    context.fps = 24;
    context.causal_block = causal_block;
  });
}

INSTANTIATE_TEST_SUITE_P(SkyReelsV2Transformer, Runs,
                         ::testing::Values(RecordedRun{"skyreels_v2_t2v", "fp32_unipc3", 0, 11, 3},
                                           RecordedRun{"skyreels_v2_i2v", "fp32_unipc3", 0, 9, 3},
                                           RecordedRun{"skyreels_v2_df", "fp32_sync", 0, 12, 3},
                                           RecordedRun{"skyreels_v2_df", "fp32_async_block2", 2, 5, 4},
                                           RecordedRun{"skyreels_v2_df", "fp32_long_addnoise", 0, 0, 3},
                                           RecordedRun{"skyreels_v2_df", "fp32_long_async", 2, 0, 3},
                                           RecordedRun{"skyreels_v2_df", "fp32_i2v", 0, 0, 2},
                                           RecordedRun{"skyreels_v2_df", "fp32_v2v_extend", 0, 0, 3}),
                         [](const auto& run) { return fmt::format("{}_{}", run.param.model, run.param.name); });

class FrameBlocks : public ::testing::Test {
 protected:
  Tensor call(const Tensor& timesteps, at::ScalarType dtype = at::kFloat) const {
    const Tensor latents = recorded_.at("latents").narrow(2, 0, timesteps.size(0));
    return kSkyReels.load(test::data("denoiser/frame_blocks"), dtype)->bind(context_)(latents, timesteps);
  }
  void expect_case(const std::string& name, const Tensor& timesteps) const {
    expect_call(name, call(timesteps), recorded_.at(name + ".out"));
    expect_call(name, call(timesteps, at::kBFloat16), recorded_.at(name + ".bf16.out"));
  }

  const Tensors recorded_ = test::read_tensors(test::data("denoiser/frame_blocks/calls.safetensors"));
  const Tensor staircase_ = at::tensor({0, 20, 731, 999});
  Context context_{.text = {recorded_.at("text"), 512}, .image = recorded_.at("image"), .fps = 24};
};

// Two blocks of two frames, as its config says.
TEST_F(FrameBlocks, InFp32AndBf16) {
  expect_case("blocks", staircase_);
  expect_case("one_timestep", at::full({4}, 731));
}

TEST_F(FrameBlocks, FrameRatesAreSixteenAndOthers) {
  context_.fps = 16;
  expect_case("fps16", staircase_);
  context_.fps = 30;
  const Tensor thirty = call(staircase_);
  context_.fps = 24;
  EXPECT_TRUE(at::equal(call(staircase_), thirty));
  context_.fps = 0;
  EXPECT_EQ(error_of(Fault::bug, [&] { call(staircase_); }), "this transformer needs the frame rate");
}

TEST_F(FrameBlocks, ContextMayAskForOthers) {
  context_.causal_block = 1;
  expect_case("no_blocks", staircase_);
  const Tensor no_blocks = call(staircase_);
  context_.causal_block = 4;  // one block of all frames sees all frames
  test::expect_close("whole", call(staircase_), no_blocks, 1e-6);
  context_.causal_block = 3;
  EXPECT_EQ(error_of(Fault::bug, [&] { call(staircase_); }), "4 latent frames are no whole number of blocks of 3");
}

TEST_F(FrameBlocks, MayBeOffloaded) {
  test::expect_same_offloaded(kSkyReels, test::data("denoiser/frame_blocks"), {context_}, recorded_.at("latents"),
                              staircase_);
}

// What a block predicts does not depend on the blocks after it.
TEST_F(FrameBlocks, LaterBlocksAreNotSeen) {
  const Tensor first_half = call(staircase_.narrow(0, 0, 2));
  test::expect_close("first block", call(staircase_).narrow(2, 0, 2), first_half, 1e-6);
}

// At timestep 999 the fp32 sinusoids of Wan are off by more than their last bit.
TEST(SkyReelsV2Transformer, SinusoidsAreComputedInFp64) {
  const Tensor timesteps = at::tensor({0.0F, 20.0F, 999.0F});
  const Tensor waves = timestep_embedding_fp64(timesteps, 256);
  EXPECT_EQ(waves.scalar_type(), at::kFloat);
  const Tensor angles =
      timesteps.to(at::kDouble).unsqueeze(1) / at::pow(10000.0, at::arange(128, at::TensorOptions(at::kDouble)) / 128);
  EXPECT_TRUE(at::equal(waves, at::cat({angles.cos(), angles.sin()}, 1).to(at::kFloat)));
  EXPECT_FALSE(at::equal(waves, timestep_embedding(timesteps, 256)));
}

TEST(SkyReelsV2TransformerConfig, Defaults) {
  const SkyReelsV2TransformerConfig config = kSkyReels.config_of("");
  EXPECT_EQ(config.transformer.width(), 2048);
  EXPECT_EQ(config.transformer.ffn_dim, 8192);
  EXPECT_EQ(config.transformer.num_layers, 32);
  EXPECT_FALSE(config.inject_sample_info);
  EXPECT_EQ(config.num_frame_per_block, 1);
}

TEST(SkyReelsV2TransformerConfig, Refusals) {
  const std::string at = "config.json: key ";
  EXPECT_EQ(kSkyReels.config_error(R"("num_frame_per_block": 0)"),
            at + R"("num_frame_per_block": expected 1 to 1024, found 0)");
  EXPECT_EQ(kSkyReels.config_error(R"("rope_max_seq_len": 64, "num_frame_per_block": 65)"),
            at + R"("num_frame_per_block": expected 1 to 64, found 65)");
  EXPECT_EQ(kSkyReels.config_error(R"("inject_sample_info": 1)"),
            at + R"("inject_sample_info": expected true or false, found 1)");
  EXPECT_EQ(kSkyReels.config_error(R"("image_dim": 1280)"),
            at + R"("added_kv_proj_dim": expected 2048, the width of the transformer, which has an "image_dim"; )"
                 "found null");
  EXPECT_EQ(kSkyReels.config_error(R"("vace_layers": [0])"),
            "config.json: unknown key \"vace_layers\"; this version does not know what it changes, so it will not "
            "ignore it");
}

TEST(SkyReelsV2TransformerCost, ParametersOfPublishedModels) {
  EXPECT_EQ(skyreels_v2_transformer_cost(kSkyReels.config_of("")).parameters, 2191878208);
  EXPECT_EQ(
      skyreels_v2_transformer_cost(kSkyReels.config_of(R"("num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30,
                                                      "inject_sample_info": true)"))
          .parameters,
      1435525696);
}

}  // namespace
}  // namespace sora
