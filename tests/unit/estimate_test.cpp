// Times told from times: the arithmetic, and that a short render teaches what a long one needs.
#include "plan/estimate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/plans.h"

namespace sora {
namespace {

using test::a_cat;

Traits with_costs(Traits traits) {
  traits.text_encoder = {.flop_per_item = 1e9, .flop_per_pair = 1e3};
  traits.denoiser = {.flop_per_item = 1e9, .flop_per_pair = 1e5};
  traits.vae_decoder = {.flop_per_item = 1e6};
  return traits;
}

Plan plan_of(const Request& request, const Traits& traits = with_costs(test::clean_frames())) {
  return test::plan(request, traits);
}

// A render of as many steps as the plan has windows and steps: the first takes `first` seconds, others `step`.
JobResult measured(const Plan& plan, double first = 3, double step = 2, double decode = 4) {
  const int steps = steps_made(plan) * static_cast<int>(plan.windows.size());
  JobResult result;
  result.pace = {.steps = steps, .planned_steps = steps, .prepare = 0, .first_step = first};
  result.seconds = {.load_text_encoder = 2,
                    .encode_prompt = 1,
                    .load_model = 5,
                    .sample = first + (steps - 1) * step,
                    .decode = decode};
  return result;
}

Timings taught_by(const Plan& plan, const JobResult& result, const std::string& place = "here") {
  Timings timings;
  learn(timings, plan, result, place);
  return timings;
}

void expect_seconds(const std::optional<double>& seconds, double expected) {
  ASSERT_TRUE(seconds.has_value());
  EXPECT_NEAR(*seconds, expected, 1e-9 * expected);
}

TEST(Timings, GiveTheMedianOfTheLastFive) {
  Timings timings;
  EXPECT_EQ(timings.find("a"), std::nullopt);
  timings.add("a", 7);
  EXPECT_EQ(timings.find("a"), 7);
  for (const double value : {100, 1, 3}) timings.add("a", value);
  EXPECT_EQ(timings.find("a"), 7) << "of 1, 3, 7 and 100";
  for (const double value : {2, 4}) timings.add("a", value);
  EXPECT_EQ(timings.find("a"), 3) << "of 100, 1, 3, 2 and 4";
  EXPECT_THAT(timings.entries()[0].values, testing::ElementsAre(100, 1, 3, 2, 4));
}

TEST(Timings, ForgetWhatWasNotMeasuredForLongest) {
  Timings timings;
  for (int i = 0; i < 500; ++i) timings.add(std::to_string(i), i);
  timings.add("0", 0);
  timings.add("new", 1);
  EXPECT_EQ(timings.entries().size(), 500u);
  EXPECT_EQ(timings.find("1"), std::nullopt);
  EXPECT_EQ(timings.find("2"), 2);
  EXPECT_EQ(timings.find("0"), 0);
  EXPECT_EQ(timings.entries().back().name, "new");
}

TEST(Estimate, KnowsNothingAtFirst) {
  const Estimate unknown = estimate(plan_of(a_cat()), {}, "here");
  for (const auto& stage : {unknown.load_text_encoder, unknown.encode_prompt, unknown.load_model, unknown.sample,
                            unknown.decode, unknown.total()}) {
    EXPECT_EQ(stage, std::nullopt);
  }
}

TEST(Estimate, OfTheSamePlanIsWhatItTook) {
  const Plan plan = plan_of(a_cat());
  const Estimate same = estimate(plan, taught_by(plan, measured(plan)), "here");
  expect_seconds(same.load_text_encoder, 2);
  expect_seconds(same.encode_prompt, 1);
  expect_seconds(same.load_model, 5);
  expect_seconds(same.sample, 3 + 9 * 2);
  expect_seconds(same.decode, 4);
  expect_seconds(same.total(), 33);
}

TEST(Estimate, GrowsWithStepsWindowsAndPrompts) {
  const Timings timings = taught_by(plan_of(a_cat()), measured(plan_of(a_cat())));
  Request request = a_cat();
  request.steps = 30;
  expect_seconds(estimate(plan_of(request), timings, "here").sample, 3 + 29 * 2);
  // Windows of 33 frames with 5 in common: 33, 61, 89.
  request.num_frames = 89;
  request.scenes = {{6, "a dog"}};
  const Plan longer = plan_of(request);
  const auto windows = static_cast<double>(longer.windows.size());
  ASSERT_GE(windows, 3);
  const Estimate of_longer = estimate(longer, timings, "here");
  expect_seconds(of_longer.sample, 1 + windows * 30 * 2);
  expect_seconds(of_longer.decode, 4.0 / 33 * 89);
  expect_seconds(of_longer.encode_prompt, 1.5);
  expect_seconds(of_longer.load_model, 5);
}

TEST(Estimate, IsOfOneShapeAndPlaceOnly) {
  const Timings timings = taught_by(plan_of(a_cat()), measured(plan_of(a_cat())));
  EXPECT_EQ(estimate(plan_of(a_cat()), timings, "elsewhere").total(), std::nullopt);
  Request other = a_cat();
  other.guidance_scale = 1;
  EXPECT_EQ(estimate(plan_of(other), timings, "here").sample, std::nullopt);
  expect_seconds(estimate(plan_of(other), timings, "here").decode, 4);
  other = a_cat();
  other.num_frames = 17;
  EXPECT_EQ(estimate(plan_of(other), timings, "here").sample, std::nullopt) << "a smaller window";
  other = a_cat();
  other.size = {64, 64};
  EXPECT_EQ(estimate(plan_of(other), timings, "here").decode, std::nullopt);
  other = a_cat();
  other.vae_tile_size = {64, 64};
  EXPECT_EQ(estimate(plan_of(other), timings, "here").decode, std::nullopt);
  other = a_cat();
  other.max_sequence_length = 64;
  EXPECT_EQ(estimate(plan_of(other), timings, "here").encode_prompt, std::nullopt);
}

TEST(Estimate, OfAFileThatWasNeverWrittenIsThatOfDecodingAlone) {
  Request request = a_cat();
  request.output.path = "null:";
  const Plan nowhere = plan_of(request);
  Timings timings = taught_by(nowhere, measured(nowhere, 3, 2, 4));
  expect_seconds(estimate(plan_of(a_cat()), timings, "here").decode, 4);
  learn(timings, plan_of(a_cat()), measured(plan_of(a_cat()), 3, 2, 6), "here");
  expect_seconds(estimate(plan_of(a_cat()), timings, "here").decode, 6);
  request.output = {.path = "a.mp4", .preset = "slow"};
  expect_seconds(estimate(plan_of(request), timings, "here").decode, 4);
}

TEST(Estimate, OfTwoExpertsLoadsBothForEachWindow) {
  Traits traits = with_costs(test::clean_frames());
  traits.boundary_ratio = 0.875;
  const Plan one = plan_of(a_cat(), traits);
  const Timings timings = taught_by(one, measured(one));
  Request request = a_cat();
  request.num_frames = 61;
  const Plan two = plan_of(request, traits);
  ASSERT_EQ(two.windows.size(), 2u);
  expect_seconds(estimate(two, timings, "here").load_model, 10);
}

TEST(Estimate, OfGivenFramesNeedsToKnowHowLongTheyTake) {
  Request request = a_cat();
  request.given = {{"--image", "a.png", {}, 0}};
  const Plan given = plan_of(request);
  Timings timings = taught_by(plan_of(a_cat()), measured(plan_of(a_cat())));
  EXPECT_EQ(estimate(given, timings, "here").sample, std::nullopt);
  JobResult result = measured(given);
  result.pace.prepare = 7;
  result.seconds.sample += 7;
  learn(timings, given, result, "here");
  expect_seconds(estimate(given, timings, "here").sample, 7 + 3 + 9 * 2);
  request.given.push_back({"--last-image", "b.png", {}, -1});
  expect_seconds(estimate(plan_of(request), timings, "here").sample, 14 + 3 + 9 * 2);
}

TEST(Learning, TakesNothingFromWhatWasNotDone) {
  const Plan plan = plan_of(a_cat());
  JobResult resumed = measured(plan);
  resumed.pace.steps = 4;
  Estimate known = estimate(plan, taught_by(plan, resumed), "here");
  EXPECT_EQ(known.sample, std::nullopt);
  expect_seconds(known.load_model, 5);

  JobResult only_decoded = measured(plan);
  only_decoded.pace = {};
  known = estimate(plan, taught_by(plan, only_decoded), "here");
  EXPECT_EQ(known.load_model, std::nullopt) << "the VAE alone was loaded";
  expect_seconds(known.decode, 4);

  JobResult second_of_a_batch = measured(plan);
  second_of_a_batch.seconds.load_text_encoder = second_of_a_batch.seconds.encode_prompt = 0;
  known = estimate(plan, taught_by(plan, second_of_a_batch), "here");
  EXPECT_EQ(known.load_text_encoder, std::nullopt);
  EXPECT_EQ(known.encode_prompt, std::nullopt);

  Request one_step = a_cat();
  one_step.steps = 1;
  known = estimate(plan_of(one_step), taught_by(plan_of(one_step), measured(plan_of(one_step))), "here");
  EXPECT_EQ(known.sample, std::nullopt) << "how much of it was setting up?";

  Request extension = a_cat();
  extension.extend = "clip.mp4";
  extension.extend_frames = 8;
  known = estimate(plan, taught_by(plan_of(extension), measured(plan_of(extension))), "here");
  EXPECT_EQ(known.decode, std::nullopt) << "frames of the clip were copied";
}

TEST(Calibration, IsOneWindowOfThreeStepsThatGoesNowhere) {
  Request request = a_cat();
  request.num_frames = 89;
  request.scenes = {{4, "a dog"}};
  request.output = {.path = "a.mp4", .poster = true, .contact_sheet = true};
  const Plan plan = plan_of(request), small = calibration_plan(plan, with_costs(test::clean_frames()));
  ASSERT_EQ(small.windows.size(), 1u);
  EXPECT_EQ(small.windows[0], (Window{.shape = plan.windows[0].shape, .tokens = 576}));
  EXPECT_EQ(small.steps, 3);
  EXPECT_EQ(small.pixel_frames, 33);
  EXPECT_EQ(small.rendered_frames, 33);
  EXPECT_EQ(small.latent.frames, 9);
  EXPECT_EQ(small.scenes, std::vector<Scene>{plan.scenes[0]});
  EXPECT_EQ(small.output.path, "null:");
  EXPECT_FALSE(small.output.poster || small.output.contact_sheet);
  EXPECT_DOUBLE_EQ(small.cost.sample_flop, 3 * small.cost.first_step_flop);
  EXPECT_DOUBLE_EQ(small.cost.decode_flop, plan.cost.decode_flop * 33 / plan.rendered_frames);
}

TEST(Calibration, KeepsWhatIsGivenInItsWindow) {
  Request request = a_cat();
  request.num_frames = 89;
  request.given = {
      {"--image", "a.png", {}, 0}, {"--given", "b.mp4", FrameRange{0, 8}, 29}, {"--last-image", "c.png", {}, -1}};
  const Traits traits = with_costs(test::clean_frames());
  const Plan small = calibration_plan(plan_of(request, traits), traits);
  ASSERT_EQ(small.given.size(), 2u);
  EXPECT_EQ(small.given[0].count, 1);
  EXPECT_EQ(small.given[1].at, 29);
  EXPECT_EQ(small.given[1].count, 4);
  EXPECT_EQ(small.given[1].latents, (FrameRange{8, 1}));
}

TEST(Calibration, TeachesWhatThePlanNeeds) {
  struct Row {
    const char* what;
    Traits traits;
    Request request;
  };
  std::vector<Row> rows;
  for (const int frames : {1, 33, 89, 481}) {
    Request request = a_cat();
    request.num_frames = frames;
    rows.push_back({"one length", with_costs(test::clean_frames()), request});
    rows.push_back({"blended", with_costs(test::text_only()), request});
    request.ar_step = 4;
    rows.push_back({"forcing", with_costs(test::forcing()), request});
  }
  Request request = a_cat();
  request.extend = "clip90.mp4";
  rows.push_back({"extended", with_costs(test::clean_frames()), request});
  request = a_cat();
  request.video = "clip90.mp4";
  request.strength = 0.2;
  rows.push_back({"changed", with_costs(test::text_only()), request});
  request = a_cat();
  request.given = {{"--image", "a.png", {}, 0}};
  rows.push_back({"from an image", with_costs(test::first_frame()), request});
  request.vae_tile_size = {64, 64};
  request.guidance_scale = 1;
  rows.push_back({"in tiles, unguided", with_costs(test::first_frame()), request});
  for (const Row& row : rows) {
    const Plan plan = plan_of(row.request, row.traits), small = calibration_plan(plan, row.traits);
    JobResult result = measured(small);
    result.pace.prepare = plan.sampling.given == GivenUse::none ? 0 : 1;
    const Estimate known = estimate(plan, taught_by(small, result), "here");
    EXPECT_TRUE(known.total().has_value()) << row.what << ", " << plan.pixel_frames << " frames";
  }
}

}  // namespace
}  // namespace sora
