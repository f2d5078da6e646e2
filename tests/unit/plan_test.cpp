// Geometry and the planner: what a request becomes, and every way in which it can be refused, as whole messages.
#include "sora/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sora/error.h"
#include "support/errors.h"

namespace sora {
namespace {

// Wan 2.1 T2V 1.3B with round costs.
Traits traits_of_wan() {
  Traits traits;
  traits.family = "Wan";
  traits.compression = {4, 8};
  traits.patch = {1, 2, 2};
  traits.latent_channels = 16;
  traits.max_latent_frames = 1024;
  traits.max_latent_side = 2048;
  traits.text_encoder = {.parameters = 1000,
                         .flop_per_item = 10,
                         .flop_per_pair = 2,
                         .values_per_item = 3,
                         .block_parameters = 900,
                         .fetched_parameters = 60};
  traits.denoiser = {.parameters = 5000,
                     .flop_per_item = 100,
                     .flop_per_pair = 1,
                     .values_per_item = 7,
                     .block_parameters = 4800,
                     .fetched_parameters = 400};
  traits.vae_decoder = {
      .parameters = 200, .flop_per_item = 50, .flop_per_pair = 0, .values_per_item = 4, .remembered_per_item = 3};
  traits.defaults = {.size = {832, 480},
                     .num_frames = 81,
                     .fps = {16, 1},
                     .steps = 50,
                     .guidance_scale = 5,
                     .guidance_scale_2 = std::nullopt,
                     .negative_prompt = "ugly"};
  return traits;
}

Traits traits_of_two_experts() {
  Traits traits = traits_of_wan();
  traits.boundary_ratio = 0.875;
  traits.defaults.guidance_scale = 4;
  traits.defaults.guidance_scale_2 = 3;
  return traits;
}

Request a_cat() {
  Request request;
  request.prompt = "a cat";
  return request;
}

Plan plan(const Request& request, const Traits& traits = traits_of_wan(), const Placement& placement = Placement{}) {
  return make_plan(request, traits, placement, 42);
}

std::string refusal(const Request& request, const Traits& traits = traits_of_wan()) {
  return test::error_of(Fault::usage, [&] { plan(request, traits); });
}

TEST(Geometry, LatentFramesHoldPixelFrames) {
  const Compression compression{4, 8};
  struct Row {
    int pixel_frames, latent_frames, rendered_frames;
  };
  for (const Row& row : {Row{1, 1, 1}, Row{2, 2, 5}, Row{5, 2, 5}, Row{6, 3, 9}, Row{80, 21, 81}, Row{81, 21, 81}}) {
    EXPECT_EQ(latent_frames_for(row.pixel_frames, compression), row.latent_frames) << row.pixel_frames;
    EXPECT_EQ(pixel_frames_of(row.latent_frames, compression), row.rendered_frames) << row.pixel_frames;
  }
}

TEST(Geometry, EachLatentFrameHasItsPixelFrames) {
  const Compression compression{4, 8};
  for (int latent = 0, pixel = 0; latent < 5; ++latent) {
    EXPECT_EQ(first_pixel_frame(latent, compression), pixel);
    const int count = latent == 0 ? 1 : 4;
    for (int i = 0; i < count; ++i) EXPECT_EQ(latent_frame_of(pixel++, compression), latent) << pixel - 1;
  }
}

TEST(Geometry, UsualTilesOverlapByAQuarter) {
  EXPECT_EQ(usual_tiling({256, 128}, {4, 8}), (Tiling{{256, 128}, {192, 96}}));
  EXPECT_EQ(usual_tiling({63, 5}, {4, 16}), (Tiling{{48, 16}, {32, 16}}));
}

TEST(Geometry, ShapeOfLatents) {
  EXPECT_EQ(latent_shape_for({832, 480}, 81, 16, {4, 8}, {1, 2, 2}), (LatentShape{16, 21, 60, 104}));
  EXPECT_EQ(latent_shape_for({128, 96}, 33, 48, {4, 16}, {1, 1, 1}), (LatentShape{48, 9, 6, 8}));
  EXPECT_EQ(latent_shape_for({64, 64}, 5, 16, {4, 8}, {3, 2, 2}),
            (LatentShape{16, 3, 8, 8}));  // 2 rounded up to the patch
}

TEST(Geometry, SizesThatDoNotFit) {
  const auto refusal_of = [](PixelSize size) {
    return test::error_of(Fault::usage, [&] { latent_shape_for(size, 1, 16, {4, 8}, {1, 2, 2}); });
  };
  EXPECT_EQ(refusal_of({830, 480}), "--size 830x480: width 830 is not a multiple of 16; nearest: 816x480, 832x480");
  EXPECT_EQ(refusal_of({832, 470}), "--size 832x470: height 470 is not a multiple of 16; nearest: 832x464, 832x480");
  EXPECT_EQ(
      refusal_of({100, 20}),
      "--size 100x20: width 100 is not a multiple of 16 and height 20 is not a multiple of 16; nearest: 96x16, 112x16, "
      "96x32, 112x32");
  EXPECT_EQ(test::error_of(Fault::usage,
                           [] {
                             latent_shape_for({16, 32}, 1, 48, {4, 16}, {1, 2, 2});
                           }),
            "--size 16x32: width 16 is not a multiple of 32; nearest: 32x32");
}

TEST(Geometry, Text) {
  EXPECT_EQ(to_string(PixelSize{832, 480}), "832x480");
  EXPECT_EQ(to_string(Rational{24, 1}), "24");
  EXPECT_EQ(to_string(Rational{24000, 1001}), "24000/1001");
}

TEST(Plan, DefaultsAnswerEverything) {
  const Plan plan = sora::plan(a_cat());
  EXPECT_EQ(plan.prompt, "a cat");
  EXPECT_EQ(plan.negative_prompt, "ugly");
  EXPECT_EQ(plan.size, (PixelSize{832, 480}));
  EXPECT_EQ(plan.pixel_frames, 81);
  EXPECT_EQ(plan.rendered_frames, 81);
  EXPECT_EQ(plan.latent, (LatentShape{16, 21, 60, 104}));
  EXPECT_EQ(plan.fps, (Rational{16, 1}));
  EXPECT_EQ(plan.steps, 50);
  EXPECT_EQ(plan.guidance.scale, 5);
  EXPECT_TRUE(plan.guidance.on());
  EXPECT_EQ(plan.guidance.boundary, std::nullopt);
  EXPECT_EQ(plan.max_sequence_length, 512);
  EXPECT_EQ(plan.seed, 42u);
  EXPECT_TRUE(plan.seed_drawn);
  EXPECT_EQ(plan.vae_tiling, std::nullopt);
  EXPECT_EQ(plan.output.path, "sora-gen-42.mp4");
  ASSERT_EQ(plan.windows.size(), 1u);
  EXPECT_EQ(plan.windows[0].first, 0);
  EXPECT_EQ(plan.windows[0].shape, plan.latent);
  EXPECT_EQ(plan.windows[0].tokens, 21 * 30 * 52);
}

TEST(Plan, WishesWin) {
  Request request = a_cat();
  request.negative_prompt = "";
  request.size = {64, 32};
  request.num_frames = 9;
  request.fps = {24000, 1001};
  request.steps = 3;
  request.guidance_scale = 1;
  request.max_sequence_length = 64;
  request.seed = 7;
  request.output.path = "md5:";
  const Plan plan = sora::plan(request);
  EXPECT_EQ(plan.negative_prompt, "");
  EXPECT_EQ(plan.latent, (LatentShape{16, 3, 4, 8}));
  EXPECT_EQ(plan.fps, (Rational{24000, 1001}));
  EXPECT_EQ(plan.steps, 3);
  EXPECT_FALSE(plan.guidance.on());
  EXPECT_EQ(plan.max_sequence_length, 64);
  EXPECT_EQ(plan.seed, 7u);
  EXPECT_FALSE(plan.seed_drawn);
  EXPECT_EQ(plan.output.path, "md5:");
}

TEST(Plan, SecondsBecomeTheNearestNumberOfFrames) {
  struct Row {
    double seconds;
    Rational fps;
    int pixel_frames, rendered_frames;
  };
  for (const Row& row : {Row{5, {16, 1}, 80, 81}, Row{5.0625, {16, 1}, 81, 81}, Row{0.04, {16, 1}, 1, 1},
                         Row{1, {24000, 1001}, 24, 25}, Row{2.5, {25, 2}, 31, 33}}) {
    Request request = a_cat();
    request.seconds = row.seconds;
    request.fps = row.fps;
    const Plan plan = sora::plan(request);
    EXPECT_EQ(plan.pixel_frames, row.pixel_frames) << row.seconds;
    EXPECT_EQ(plan.rendered_frames, row.rendered_frames) << row.seconds;
  }
}

TEST(Plan, LengthsThatAreRefused) {
  Request request = a_cat();
  request.num_frames = 4094;
  EXPECT_EQ(refusal(request), "--num-frames 4094: this model makes at most 4093");
  request.num_frames = 4093;
  EXPECT_EQ(plan(request).latent.frames, 1024);

  request.seconds = 5;
  EXPECT_EQ(refusal(request), "--seconds 5 and --num-frames 4093 both give the length; give one of them");
  request.num_frames.reset();
  request.seconds = 300;
  EXPECT_EQ(refusal(request), "--seconds 300: 4800 frames at 16 fps; this model makes at most 4093 (255.81 s)");
  request.seconds = 0.02;
  EXPECT_EQ(refusal(request), "--seconds 0.02: not one frame at 16 fps; the shortest is 0.062 (one frame)");
}

TEST(Plan, PromptsThatAreRefused) {
  const auto refusal_of = [](const std::string& prompt) {
    Request request;
    request.prompt = prompt;
    return refusal(request);
  };
  EXPECT_EQ(refusal_of(""), "--prompt is empty");
  EXPECT_EQ(refusal_of(" \t\r\n"), "--prompt is empty");
  EXPECT_EQ(refusal_of("caf\xe9"), "--prompt is not valid UTF-8: caf\\xe9");
  EXPECT_EQ(refusal_of(std::string("a\0b", 3)), "--prompt contains a NUL byte: a\\x00b");
  EXPECT_EQ(refusal_of(std::string(20'001, 'a')),
            "--prompt is 20001 bytes long; at most 20000 are taken, and the model reads no more than 512 tokens");
  EXPECT_EQ(refusal_of(std::string(20'000, 'a')), "nothing was thrown");

  Request request = a_cat();
  request.negative_prompt = "\xff";
  EXPECT_EQ(refusal(request), "--negative-prompt is not valid UTF-8: \\xff");
}

TEST(Plan, SidesBeyondThePositionTables) {
  Request request = a_cat();
  request.size = {16400, 16};
  EXPECT_EQ(refusal(request), "--size 16400x16: this model makes at most 16384 pixels a side");
}

TEST(Plan, StepsAndTextLengthThatTheModelDoesNotTake) {
  Request request = a_cat();
  Traits traits = traits_of_wan();
  request.steps = 1001;
  EXPECT_EQ(refusal(request, traits), "--steps 1001: this model's scheduler takes at most 1000");
  traits.max_steps = 8;
  request.steps = 9;
  EXPECT_EQ(refusal(request, traits), "--steps 9: this model's scheduler takes at most 8");
  request.steps = 8;
  traits.max_sequence_length = 226;
  request.max_sequence_length = 227;
  EXPECT_EQ(refusal(request, traits), "--max-sequence-length 227: this model takes at most 226");
}

TEST(Plan, SecondGuidanceScaleNeedsTwoExperts) {
  Request request = a_cat();
  request.guidance_scale_2 = 3;
  EXPECT_EQ(refusal(request),
            "--guidance-scale-2 3: this model (Wan) has one denoiser; --guidance-scale is all it takes");
}

TEST(Plan, GuidanceOfTwoExperts) {
  const Traits traits = traits_of_two_experts();
  Request request = a_cat();
  Guidance guidance = plan(request, traits).guidance;
  EXPECT_EQ(guidance.boundary, 875.0);
  EXPECT_EQ(guidance.at(875), 4);
  EXPECT_EQ(guidance.at(874.9), 3);

  request.guidance_scale = 6;  // as in the reference, the second then follows the first
  EXPECT_EQ(plan(request, traits).guidance.scale_2, 6);
  request.guidance_scale_2 = 2;
  EXPECT_EQ(plan(request, traits).guidance.scale_2, 2);
  request.guidance_scale = 1;
  EXPECT_FALSE(plan(request, traits).guidance.on());
}

TEST(Plan, Tiles) {
  const auto tiling = [](std::optional<PixelSize> tile, std::optional<PixelSize> stride) {
    Request request = a_cat();
    request.vae_tile_size = tile;
    request.vae_tile_stride = stride;
    return request;
  };
  EXPECT_EQ(plan(tiling(PixelSize{256, 256}, {})).vae_tiling, (Tiling{{256, 256}, {192, 192}}));
  EXPECT_EQ(plan(tiling(PixelSize{40, 8}, {})).vae_tiling, (Tiling{{40, 8}, {24, 8}}));  // rounded down, never to 0
  EXPECT_EQ(plan(tiling(PixelSize{256, 128}, PixelSize{128, 128})).vae_tiling, (Tiling{{256, 128}, {128, 128}}));
  EXPECT_EQ(refusal(tiling({}, PixelSize{64, 64})), "--vae-tile-stride 64x64 needs --vae-tile-size");
  EXPECT_EQ(refusal(tiling(PixelSize{100, 64}, {})), "--vae-tile-size 100x64: width and height must be multiples of 8");
  EXPECT_EQ(refusal(tiling(PixelSize{64, 64}, PixelSize{60, 64})),
            "--vae-tile-stride 60x64: width and height must be multiples of 8");
  EXPECT_EQ(refusal(tiling(PixelSize{64, 64}, PixelSize{64, 72})),
            "--vae-tile-stride 64x72: larger than the tile (64x64), which leaves gaps between tiles");
}

TEST(Plan, OutputsAreChecked) {
  Request request = a_cat();
  request.output.path = "cat.gif";
  EXPECT_THAT(refusal(request), testing::StartsWith("--output 'cat.gif': the name does not say what to write"));
  request.output.path = "cat.png";
  EXPECT_THAT(refusal(request), testing::StartsWith("--output cat.png: is the name of one frame, but there are 81"));
}

TEST(Plan, CostIsWhatTheNetworksSay) {
  Request request = a_cat();
  request.size = {64, 32};  // 4 x 2 patches
  request.num_frames = 9;   // 3 latent frames
  request.steps = 10;
  request.max_sequence_length = 100;
  const double tokens = 24, pixels = 64 * 32;
  Cost cost = plan(request).cost;
  EXPECT_EQ(cost.text_flop, 2 * (10 * 100 + 2 * 100 * 100));
  EXPECT_EQ(cost.sample_flop, 10 * 2 * (100 * tokens + tokens * tokens));
  EXPECT_EQ(cost.decode_flop, 50 * 9 * pixels);
  EXPECT_EQ(cost.text_bytes, kEngineBytes + 4 * (100 + 60 + 3 * 100));  // of the blocks, one
  EXPECT_EQ(cost.sample_bytes, kEngineBytes + 4 * (5000 + 7 * 24));
  EXPECT_EQ(cost.decode_bytes, kEngineBytes + 4 * 5000 + 22 * 200 + 4 * (4 * 4 * 64 * 32));

  request.guidance_scale = 1;  // one pass a step, and one text
  const Cost unguided = plan(request).cost;
  EXPECT_EQ(unguided.sample_flop, cost.sample_flop / 2);
  EXPECT_EQ(unguided.text_flop, cost.text_flop / 2);

  const Cost half = plan(request, traits_of_wan(), {.dtype = Dtype::bf16}).cost;
  EXPECT_EQ(half.sample_bytes, kEngineBytes + 2 * (5000 + 7 * 24));
  EXPECT_EQ(half.decode_bytes, cost.decode_bytes - 2 * 5000);  // the VAE stays in fp32

  const Cost cuda = plan(request, traits_of_wan(), {.device = DeviceKind::cuda}).cost;
  EXPECT_EQ(cuda.text_bytes, kEngineBytes + 4 * (100 + 2 * 60 + 3 * 100));          // of the blocks, two
  EXPECT_EQ(cuda.decode_bytes, kEngineBytes + 4 * (5000 + 200 + 4 * 4 * 64 * 32));  // nothing is transformed there
}

TEST(Plan, CostOfTiles) {
  Request request = a_cat();
  request.size = {64, 32};
  request.num_frames = 1;
  const Cost whole = plan(request).cost;
  request.vae_tile_size = {32, 32};
  request.vae_tile_stride = {16, 32};
  const Cost tiled = plan(request).cost;
  // Columns 0-31, 16-47, 32-63 and 48-63 of the 64.
  EXPECT_EQ(tiled.decode_flop, whole.decode_flop * (32 + 32 + 32 + 16) / 64);
  // The pixels of all tiles wait for each other, while one is computed.
  EXPECT_EQ(tiled.decode_bytes, kEngineBytes + 4 * 5000 + 22 * 200 + 4 * (4 * 4 * 32 * 32 + 3 * 4 * 112 * 32));

  // Of a longer video all tiles are remembered, but on a GPU.
  request.num_frames = 1 + 4 * kLatentFramesATile;
  EXPECT_EQ(
      plan(request).cost.decode_bytes,
      kEngineBytes + 4 * 5000 + 22 * 200 + 4 * (4 * 4 * 32 * 32 + 3 * 4 * 112 * 32 * 32 + 3 * 4 * 32 * (112 - 32)));
  EXPECT_EQ(plan(request, traits_of_wan(), {.device = DeviceKind::cuda}).cost.decode_bytes,
            kEngineBytes + 4 * (5000 + 200 + 4 * 4 * 32 * 32 + 3 * 4 * 112 * 32 * 32));
}

TEST(Plan, CostOfOffloadedBlocks) {
  Request request = a_cat();
  request.size = {64, 32};
  request.num_frames = 9;
  const Cost resident = plan(request).cost;
  request.offload_blocks = true;
  const Cost offloaded = plan(request).cost;
  EXPECT_EQ(offloaded.sample_bytes, resident.sample_bytes - 4 * (4800 - 400));
  EXPECT_EQ(offloaded.decode_bytes, resident.decode_bytes - 4 * (4800 - 400));
  const Cost cuda = plan(request, traits_of_wan(), {.device = DeviceKind::cuda}).cost;
  EXPECT_EQ(cuda.sample_bytes, resident.sample_bytes - 4 * (4800 - 2 * 400));
}

TEST(Plan, OutputSizeFollowsKindAndCrf) {
  Request request = a_cat();
  request.size = {160, 160};
  request.num_frames = 10;
  EXPECT_EQ(plan(request).cost.output_bytes, 3200);
  request.output.crf = 24;
  EXPECT_EQ(plan(request).cost.output_bytes, 1600);
  request.output.path = "frame-%05d.png";
  EXPECT_EQ(plan(request).cost.output_bytes, 384'000);
  request.output.path = "null:";
  EXPECT_EQ(plan(request).cost.output_bytes, 0);
}

TEST(Placement, Text) {
  EXPECT_EQ(to_string(Placement{}), "cpu, fp32");
  EXPECT_EQ(to_string(Placement{.device = DeviceKind::cuda, .cuda_index = 1, .dtype = Dtype::bf16}), "cuda:1, bf16");
}

}  // namespace
}  // namespace sora
