// --fit: which means are taken, in which order, and what is said where none is enough.
#include "plan/fit_memory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/text.h"
#include "plan/cost.h"
#include "support/plans.h"

namespace sora {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kMillion = 1'000'000;

// 4 GB of denoiser, of which 3.9 are blocks of 0.3; the decoder takes 8 for a picture of 1024x1024.
Traits traits() {
  Traits traits = test::clean_frames();
  traits.text_encoder = {.parameters = kMillion, .block_parameters = kMillion, .fetched_parameters = kMillion};
  traits.denoiser = {
      .parameters = 1000 * kMillion, .block_parameters = 975 * kMillion, .fetched_parameters = 75 * kMillion};
  traits.vae_decoder = {.values_per_item = 480, .remembered_per_item = 300};
  return traits;
}

// One window, so that the denoiser may be gone when it is decoded.
Plan plan(int frames = 33) {
  Request request = test::a_cat();
  request.size = {1024, 1024};
  request.num_frames = frames;
  return test::plan(request, traits());
}

FittedPlan fit(std::int64_t free, int frames = 33) { return fit_memory(plan(frames), traits(), kEngineBytes + free); }

TEST(FitMemory, WhatFitsIsLeftAlone) {
  const FittedPlan fitted = fit(8100 * kMillion);
  EXPECT_THAT(fitted.flags, IsEmpty());
  EXPECT_FALSE(fitted.plan.offload_blocks);
  EXPECT_EQ(fitted.plan.vae_tiling, std::nullopt);
}

TEST(FitMemory, TheDenoiserLeavesOnlyWhereThereIsNoRoomBesideIt) {
  const Plan stays = plan();
  EXPECT_EQ(with_room_to_decode(stays, traits(), stays.cost.decode_bytes).cost.decode_bytes, stays.cost.decode_bytes);
  const Plan leaves = with_room_to_decode(stays, traits(), stays.cost.decode_bytes - 1);
  EXPECT_TRUE(leaves.unload_denoiser);
  EXPECT_EQ(leaves.cost.decode_bytes, stays.cost.decode_bytes - 4000 * kMillion);
  EXPECT_EQ(leaves.cost.sample_bytes, stays.cost.sample_bytes);
  // Between windows it is needed.
  EXPECT_FALSE(with_room_to_decode(plan(65), traits(), 0).unload_denoiser);
}

TEST(FitMemory, OnlyTheStageThatIsTooLargeIsLowered) {
  const FittedPlan fitted = fit(5000 * kMillion);
  EXPECT_THAT(fitted.flags, ElementsAre("--vae-tile-size 512x512"));
  EXPECT_FALSE(fitted.plan.offload_blocks);
  EXPECT_EQ(fitted.plan.vae_tiling, (Tiling{{512, 512}, {384, 384}}));
  EXPECT_LE(memory_peak(fitted.plan).bytes, kEngineBytes + 5000 * kMillion);
}

TEST(FitMemory, BlocksFirstThenTiles) {
  Traits large = traits();
  large.vae_decoder.values_per_item = 2;  // 34 MB
  const FittedPlan blocks = fit_memory(test::plan(test::a_cat(), large), large, kEngineBytes + 600 * kMillion);
  EXPECT_THAT(blocks.flags, ElementsAre("--offload-blocks"));
  EXPECT_TRUE(blocks.plan.offload_blocks);

  const FittedPlan both = fit(1500 * kMillion);
  EXPECT_THAT(both.flags, ElementsAre("--offload-blocks", "--vae-tile-size 256x256"));
  EXPECT_EQ(both.plan.cost.sample_bytes, kEngineBytes + 400 * kMillion);
}

// Where windows are decoded in between, the denoiser is there beside the decoder.
TEST(FitMemory, BlocksMakeRoomForTheDecoderToo) {
  EXPECT_THAT(fit(12'100 * kMillion, 65).flags, IsEmpty());
  const FittedPlan fitted = fit(9000 * kMillion, 65);
  EXPECT_THAT(fitted.flags, ElementsAre("--offload-blocks"));
  EXPECT_GT(plan(65).cost.decode_bytes, kEngineBytes + 9000 * kMillion);
}

TEST(FitMemory, WhatTheUserSaidIsWhereItStarts) {
  Request request = test::a_cat();
  request.size = {1024, 1024};
  request.offload_blocks = true;
  request.vae_tile_size = {256, 256};
  request.vae_tile_stride = {240, 240};
  const Plan asked = test::plan(request, traits());
  const FittedPlan fitted = fit_memory(asked, traits(), asked.cost.decode_bytes);
  EXPECT_THAT(fitted.flags, IsEmpty());
  EXPECT_EQ(fitted.plan.vae_tiling, asked.vae_tiling);
}

TEST(FitMemory, TheLeastIsNamedWhereItIsTooMuch) {
  const FittedPlan least = fit(950 * kMillion);
  EXPECT_THAT(least.flags, ElementsAre("--offload-blocks", "--vae-tile-size 128x128"));
  EXPECT_EQ(
      error_of(Fault::memory, [] { fit(800 * kMillion); }),
      fmt::format("--fit: decoding needs about {}, {} are free, even with --offload-blocks --vae-tile-size 128x128; "
                  "a smaller --size or a shorter video needs less",
                  human_bytes(memory_peak(least.plan).bytes), human_bytes(kEngineBytes + 800 * kMillion)));

  Traits reader = traits();
  reader.text_encoder.fetched_parameters = 2000 * kMillion;
  const Plan unreadable = test::plan(test::a_cat(), reader);
  EXPECT_EQ(
      error_of(Fault::memory, [&] { fit_memory(unreadable, reader, 5000 * kMillion); }),
      fmt::format("--fit: the text encoder needs about {}, {} are free; a smaller --size or a shorter video needs "
                  "less",
                  human_bytes(unreadable.cost.text_bytes), human_bytes(5000 * kMillion)));
}

}  // namespace
}  // namespace sora
