// Windows over latent frames, and scenes: the layouts of all ways to go on, written out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "plan/windows.h"
#include "support/plans.h"

namespace sora {
namespace {

using test::a_cat;
using testing::ElementsAre;

// "first-last" of each window, "+n" for n known frames before and "n+" for those after, "@n" for a later scene.
std::vector<std::string> layout(const std::vector<Window>& windows) {
  std::vector<std::string> texts;
  for (const Window& window : windows) {
    std::string text = std::to_string(window.first) + "-" + std::to_string(window.end() - 1);
    if (window.context > 0) text += " +" + std::to_string(window.context);
    if (window.context_after > 0) text += " " + std::to_string(window.context_after) + "+";
    if (window.scene > 0) text += " @" + std::to_string(window.scene);
    texts.push_back(text);
  }
  return texts;
}

std::vector<std::string> layout(int latent_frames, const WindowOrder& order, const WindowSize& size = {9, 2},
                                const std::vector<Scene>& scenes = {{0, "a cat"}}) {
  return layout(windows_over({48, latent_frames, 8, 8}, size, order, scenes));
}

TEST(Windows, OneForWhatFits) {
  for (const Continuation continuation :
       {Continuation::none, Continuation::blended, Continuation::clean_prefix, Continuation::forcing}) {
    EXPECT_THAT(layout(1, {.continuation = continuation}), ElementsAre("0-0"));
    EXPECT_THAT(layout(9, {.continuation = continuation}), ElementsAre("0-8"));
    EXPECT_THAT(layout(9, {.continuation = continuation, .leading = 5}), ElementsAre("0-8"));
  }
}

TEST(Windows, OfCleanPrefixesTheLastIsMovedBack) {
  const WindowOrder order{.continuation = Continuation::clean_prefix};
  EXPECT_THAT(layout(10, order), ElementsAre("0-8", "1-9 +8"));
  EXPECT_THAT(layout(16, order), ElementsAre("0-8", "7-15 +2"));
  EXPECT_THAT(layout(17, order), ElementsAre("0-8", "7-15 +2", "8-16 +8"));
  EXPECT_THAT(layout(22, order), ElementsAre("0-8", "7-15 +2", "13-21 +3"));
}

TEST(Windows, BlendedOnesKnowNothing) {
  EXPECT_THAT(layout(22, {.continuation = Continuation::blended}), ElementsAre("0-8", "7-15", "13-21"));
}

TEST(Windows, OfDiffusionForcingTheLastIsShortened) {
  EXPECT_THAT(layout(22, {.continuation = Continuation::forcing}), ElementsAre("0-8", "7-15 +2", "14-21 +2"));
  EXPECT_THAT(layout(16, {.continuation = Continuation::forcing}), ElementsAre("0-8", "7-15 +2"));
}

// 1437 frames are a minute at 24 fps: iterations = 1 + (N - B - 1) / (B - o) + 1 in the reference.
TEST(Windows, OfDiffusionForcingAreTheReferences) {
  const std::vector<Window> windows =
      windows_over({16, 360, 68, 120}, {25, 5}, {.continuation = Continuation::forcing}, std::vector<Scene>{{0, ""}});
  ASSERT_EQ(windows.size(), 18u);
  for (int k = 0; k < 18; ++k) {
    const int done = k * (25 - 5) + 5;
    EXPECT_EQ(windows[k].first, k * (25 - 5));
    EXPECT_EQ(windows[k].shape.frames, std::min(360 - done + 5, 25));
    EXPECT_EQ(windows[k].context, k == 0 ? 0 : 5);
    EXPECT_EQ(windows[k].shape.width, 120);
  }
  EXPECT_EQ(windows.back().end(), 360);
}

TEST(Windows, OfDiffusionForcingAreTheReferencesForAnyLength) {
  for (int base = 3; base <= 12; ++base) {
    for (int overlap = 1; overlap < base; ++overlap) {
      for (int frames = base + 1; frames <= 50; ++frames) {
        const auto windows = windows_over({16, frames, 8, 8}, {base, overlap}, {.continuation = Continuation::forcing},
                                          std::vector<Scene>{{0, ""}});
        const int iterations = 1 + (frames - base - 1) / (base - overlap) + 1;
        ASSERT_EQ(static_cast<int>(windows.size()), iterations);
        for (int k = 1; k < iterations; ++k) {
          const int left = frames - (k * (base - overlap) + overlap);
          EXPECT_EQ(windows[k].shape.frames, std::min(left + overlap, base));
          EXPECT_EQ(windows[k].context, overlap);
        }
      }
    }
  }
}

TEST(Windows, AfterAGivenStartBeginWithAnOverlapOfIt) {
  EXPECT_THAT(layout(20, {.continuation = Continuation::clean_prefix, .leading = 2}),
              ElementsAre("0-8", "7-15 +2", "11-19 +5"));
  EXPECT_THAT(layout(20, {.continuation = Continuation::clean_prefix, .leading = 6}), ElementsAre("4-12", "11-19 +2"));
  EXPECT_THAT(layout(20, {.continuation = Continuation::clean_prefix, .leading = 19}), ElementsAre("11-19"));
  EXPECT_THAT(layout(20, {.continuation = Continuation::forcing, .leading = 6}), ElementsAre("4-12", "11-19 +2"));
}

// The last window sees the given end and generates as much as any other; the first is shorter.
TEST(Windows, ToAGivenEnd) {
  EXPECT_THAT(layout(10, {.continuation = Continuation::clean_prefix, .trailing = 1}), ElementsAre("0-2", "1-9 +2"));
  EXPECT_THAT(layout(20, {.continuation = Continuation::clean_prefix, .leading = 2, .trailing = 2}),
              ElementsAre("0-5", "4-12 +2", "11-19 +2"));
  // Of a long given end as much is seen as leaves room for new frames.
  EXPECT_THAT(layout(20, {.continuation = Continuation::clean_prefix, .leading = 2, .trailing = 8}),
              ElementsAre("0-6", "5-13 +2"));
  EXPECT_THAT(layout(12, {.continuation = Continuation::clean_prefix, .trailing = 1}, {5, 4}),
              ElementsAre("0-3", "1-5 +3", "3-7 +3", "5-9 +3", "7-11 +3"));
}

TEST(Windows, BackwardsAreTheMirrorImage) {
  EXPECT_THAT(layout(9, {.continuation = Continuation::clean_prefix, .trailing = 2, .backward = true}),
              ElementsAre("0-8"));
  EXPECT_THAT(layout(17, {.continuation = Continuation::clean_prefix, .trailing = 2, .backward = true}),
              ElementsAre("8-16", "1-9 2+", "0-8 8+"));
}

TEST(Windows, EndWithTheirScene) {
  const std::vector<Scene> scenes{{0, "a"}, {5, "b"}, {16, "c"}};
  EXPECT_THAT(layout(20, {.continuation = Continuation::clean_prefix}, {9, 2}, scenes),
              ElementsAre("0-4", "3-11 +2 @1", "7-15 +5 @1", "11-19 +5 @2"));
  EXPECT_THAT(layout(20, {.continuation = Continuation::forcing}, {9, 2}, scenes),
              ElementsAre("0-4", "3-11 +2 @1", "10-15 +2 @1", "14-19 +2 @2"));
  EXPECT_THAT(layout(20, {.continuation = Continuation::blended}, {9, 2}, scenes),
              ElementsAre("0-4", "3-11 @1", "7-15 @1", "11-19 @2"));
  EXPECT_THAT(layout(20, {.continuation = Continuation::clean_prefix, .trailing = 2, .backward = true}, {9, 2}, scenes),
              ElementsAre("16-19 @2", "9-17 2+ @1", "5-13 5+ @1", "0-8 4+"));
  EXPECT_THAT(layout(9, {.continuation = Continuation::clean_prefix}, {9, 2}, {{0, "a"}, {1, "b"}}),
              ElementsAre("0-0", "0-8 +1 @1"));
}

TEST(Windows, CoverEverythingOnceForAnyLength) {
  for (const Continuation continuation : {Continuation::clean_prefix, Continuation::forcing}) {
    for (int frames = 1; frames <= 60; ++frames) {
      for (int trailing = 0; trailing < std::min(frames, 12); ++trailing) {
        const auto windows =
            windows_over({48, frames, 8, 8}, {7, 3}, {.continuation = continuation, .trailing = trailing},
                         std::vector<Scene>{{0, ""}});
        int covered = 0;
        for (const Window& window : windows) {
          EXPECT_EQ(window.first + window.context, covered);
          EXPECT_LE(window.shape.frames, 7);
          EXPECT_GT(window.shape.frames, window.context);
          covered = window.end();
        }
        EXPECT_GE(covered, frames - trailing);
        EXPECT_LE(covered, frames);
      }
    }
  }
}

Plan plan_of(std::optional<double> seconds, const Traits& traits, std::vector<SceneWish> scenes = {}) {
  Request request = a_cat();
  request.seconds = seconds;
  request.scenes = std::move(scenes);
  return test::plan(request, traits);
}

TEST(WindowPlan, AMinuteCostsTheMemoryOfFiveSeconds) {
  const Plan minute = plan_of(60, test::clean_frames()), short_one = plan_of(5, test::clean_frames());
  EXPECT_EQ(minute.latent.frames, 121);
  EXPECT_EQ(minute.windows.size(), 17u);
  EXPECT_EQ(short_one.windows.size(), 2u);
  EXPECT_EQ(minute.cost.sample_bytes, short_one.cost.sample_bytes);
  EXPECT_EQ(minute.cost.decode_bytes, short_one.cost.decode_bytes);
  EXPECT_EQ(minute.sampling.continuation, Continuation::clean_prefix);
  for (const Window& window : minute.windows) EXPECT_EQ(window.tokens, 9 * 8 * 8);
}

TEST(WindowPlan, OneWindowIsNoContinuation) {
  EXPECT_EQ(plan_of({}, test::clean_frames()).sampling.continuation, Continuation::none);
  EXPECT_EQ(plan_of({}, test::text_only()).sampling.continuation, Continuation::none);
  EXPECT_EQ(plan_of(8, test::text_only()).sampling.continuation, Continuation::blended);
  EXPECT_EQ(plan_of({}, test::forcing()).sampling.continuation, Continuation::forcing);
  EXPECT_EQ(plan_of({}, test::forcing()).sampling.forcing, (Forcing{1, 0, 20}));
  EXPECT_EQ(plan_of({}, test::clean_frames()).sampling.forcing, std::nullopt);
}

TEST(WindowPlan, NoContinuationIsOneWindowHoweverLong) {
  Traits traits = test::text_only();
  traits.continuation = Continuation::none;
  EXPECT_EQ(plan_of(30, traits).windows.size(), 1u);
  Request request = a_cat();
  request.num_frames = 254;
  EXPECT_EQ(test::refusal(request, traits), "--num-frames 254: this model makes at most 253");
}

TEST(WindowPlan, SizesAsAsked) {
  Request request = a_cat();
  request.num_frames = 65;
  request.window_frames = 17;
  EXPECT_THAT(layout(test::plan(request, test::clean_frames()).windows),
              ElementsAre("0-4", "4-8 +1", "8-12 +1", "12-16 +1"));
  request.overlap_frames = 9;
  EXPECT_THAT(layout(test::plan(request, test::clean_frames()).windows),
              ElementsAre("0-4", "2-6 +3", "4-8 +3", "6-10 +3", "8-12 +3", "10-14 +3", "12-16 +3"));
  request.window_frames = 65;
  EXPECT_THAT(layout(test::plan(request, test::clean_frames()).windows), ElementsAre("0-16"));
}

TEST(WindowPlan, SizesThatAreRefused) {
  const auto refusal = [](std::optional<int> window, std::optional<int> overlap, const Traits& traits,
                          std::optional<int> block = {}) {
    Request request = a_cat();
    request.window_frames = window;
    request.overlap_frames = overlap;
    request.causal_block_size = block;
    return test::refusal(request, traits);
  };
  EXPECT_EQ(refusal(32, {}, test::clean_frames()),
            "--window-frames 32: a window is 1 + a multiple of 4 frames; nearest: 29, 33");
  EXPECT_EQ(refusal({}, 6, test::clean_frames()),
            "--overlap-frames 6: a window is 1 + a multiple of 4 frames; nearest: 5, 9");
  EXPECT_EQ(refusal(5, {}, test::clean_frames()), "--window-frames 5: expected 9 to 253 with this checkpoint");
  EXPECT_EQ(refusal(257, {}, test::clean_frames()), "--window-frames 257: expected 9 to 253 with this checkpoint");
  EXPECT_EQ(refusal(17, 17, test::clean_frames()),
            "--overlap-frames 17: a window of 17 frames would have no new ones; at most 13");
  EXPECT_EQ(refusal(33, 5, test::forcing(), 2),
            "--window-frames 33: 9 latent frames are no whole number of blocks of 2; nearest: 29, 37");
  EXPECT_EQ(refusal(29, 9, test::forcing(), 2),
            "--overlap-frames 9: 3 latent frames are no whole number of blocks of 2; nearest: 5, 13");
  EXPECT_EQ(refusal(33, {}, test::first_frame()),
            "--window-frames 33: this checkpoint (Test) cannot make a video of several windows");
  EXPECT_EQ(refusal({}, 5, test::first_frame()),
            "--overlap-frames 5: this checkpoint (Test) cannot make a video of several windows");
}

TEST(WindowPlan, ForcingRendersWholeBlocks) {
  Request request = a_cat();
  request.causal_block_size = 3;
  request.overlap_frames = 9;
  request.ar_step = 5;
  request.addnoise_condition = 0;
  request.num_frames = 41;
  const Plan plan = test::plan(request, test::forcing());
  EXPECT_EQ(plan.latent.frames, 12);  // 11 rounded up
  EXPECT_EQ(plan.rendered_frames, 45);
  EXPECT_EQ(plan.shown, (FrameRange{0, 41}));
  EXPECT_THAT(layout(plan.windows), ElementsAre("0-8", "6-11 +3"));
  EXPECT_EQ(plan.sampling.forcing, (Forcing{3, 5, 0}));
  // Blocks that wait for each other take 5 steps more each; nobody waits for the known one of the second window.
  Request lockstep = request;
  lockstep.ar_step = 0;
  const double staircase = (10 + 5 * 2) * plan.windows[0].tokens + 10 * plan.windows[1].tokens;
  const double plain = 10 * plan.windows[0].tokens + 10 * plan.windows[1].tokens;
  Traits traits = test::forcing();
  traits.denoiser.flop_per_item = 1;
  EXPECT_EQ(test::plan(request, traits).cost.sample_flop, 2 * staircase);
  EXPECT_EQ(test::plan(lockstep, traits).cost.sample_flop, 2 * plain);
}

TEST(WindowPlan, FlagsOfForcingNeedIt) {
  Request request = a_cat();
  Traits traits = test::clean_frames();
  traits.who_can[Skill::forcing] = "A, B";
  request.ar_step = 5;
  EXPECT_EQ(test::refusal(request, traits),
            "--ar-step 5: this checkpoint (Test) cannot be sampled by diffusion forcing; these can: A, B");
  request.ar_step.reset();
  request.causal_block_size = 2;
  EXPECT_EQ(test::refusal(request, traits),
            "--causal-block-size 2: this checkpoint (Test) cannot be sampled by diffusion forcing; these can: A, B");
  request.causal_block_size.reset();
  request.addnoise_condition = 12.5;
  EXPECT_EQ(
      test::refusal(request, traits),
      "--addnoise-condition 12.5: this checkpoint (Test) cannot be sampled by diffusion forcing; these can: A, B");
}

TEST(Scenes, BeginWithTheFirstLatentFrameAtTheirTimeOrLater) {
  struct Row {
    double seconds;
    int first;  // latent frames begin at frames 0, 1, 5, 9 ...
  };
  for (const Row& row : {Row{0.01, 1}, Row{0.125, 1}, Row{0.126, 2}, Row{0.625, 2}, Row{0.626, 3}, Row{1.125, 3}}) {
    const Plan plan = plan_of({}, test::clean_frames(), {{row.seconds, "a dog"}});
    EXPECT_EQ(plan.scenes, (std::vector<Scene>{{0, "a cat"}, {row.first, "a dog"}})) << row.seconds;
    EXPECT_EQ(plan.sampling.continuation, Continuation::clean_prefix);
  }
  EXPECT_EQ(plan_of({}, test::clean_frames()).scenes, (std::vector<Scene>{{0, "a cat"}}));
}

TEST(Scenes, EachPromptIsEncodedOnce) {
  Traits traits = test::clean_frames();
  traits.text_encoder.flop_per_item = 1;
  const double one = plan_of({}, traits).cost.text_flop / 2;  // and the negative prompt
  EXPECT_EQ(plan_of({}, traits, {{1, "b"}, {2, "c"}}).cost.text_flop, 4 * one);
}

TEST(Scenes, ThatAreRefused) {
  const auto refusal = [](std::vector<SceneWish> scenes, const Traits& traits = test::clean_frames()) {
    Request request = a_cat();
    request.scenes = std::move(scenes);
    return test::refusal(request, traits);
  };
  EXPECT_EQ(refusal({{1, " "}}), "--scene at 1 s is empty");
  EXPECT_EQ(refusal({{1, "\xff"}}), "--scene at 1 s is not valid UTF-8: \\xff");
  EXPECT_EQ(refusal({{2, "a"}, {1, "b"}}), "--scene at 1 s: scenes stand in order, and the one before begins at 2 s");
  EXPECT_EQ(refusal({{2, "a"}, {2, "b"}}), "--scene at 2 s: scenes stand in order, and the one before begins at 2 s");
  EXPECT_EQ(refusal({{0, "a"}}), "--scene at 0 s: scenes stand in order, and the one before begins at 0 s");
  EXPECT_EQ(
      refusal({{1, "a"}, {1.1, "b"}}),
      "--scene at 1.1 s: begins with the same latent frame (3) as the scene before; 4 frames lie between scenes at "
      "least");
  EXPECT_EQ(refusal({{4.2, "a"}}),
            "--scene at 4.2 s: what is generated lies between 0.00 and 4.12 s, and a scene begins inside it");
}

}  // namespace
}  // namespace sora
