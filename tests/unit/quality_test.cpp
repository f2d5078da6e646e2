// What is measured on frames that are made up, and what is worth a warning.
#include "render/quality.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sora {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// --- warnings ---

WindowQuality usual(int first_frame) {
  return {.first_frame = first_frame,
          .frames = 16,
          .luma = 0.5,
          .saturation = 0.4,
          .clipped = 0.01,
          .motion = 0.02,
          .join = first_frame == 0 ? 0 : 1.5,
          .latent_mean = 0,
          .latent_std = 1};
}

// Three windows of two seconds; the last two are changed by `change`.
std::vector<std::string> warnings_after(const std::function<void(WindowQuality&)>& change) {
  std::vector<WindowQuality> windows{usual(0), usual(16), usual(32)};
  change(windows[1]);
  change(windows[2]);
  return warnings_of(windows, 8);
}

TEST(Warnings, NoneForAVideoThatStaysAsItIs) {
  EXPECT_THAT(warnings_after([](WindowQuality&) {}), IsEmpty());
  EXPECT_THAT(warnings_of({}, 8), IsEmpty());
}

TEST(Warnings, OfBrightnessThatDrifts) {
  EXPECT_THAT(warnings_after([](WindowQuality& window) { window.luma = 0.61; }), IsEmpty());
  EXPECT_THAT(warnings_after([](WindowQuality& window) { window.luma = 0.3; }),
              ElementsAre("brightness drifts from 0.50 at 0.0 s to 0.30 at 2.0 s; another --seed or a longer "
                          "--overlap-frames may hold it"));
}

TEST(Warnings, OfColoursThatDrift) {
  EXPECT_THAT(warnings_after([](WindowQuality& window) { window.saturation = 0.25; }), IsEmpty());
  EXPECT_THAT(warnings_after([](WindowQuality& window) { window.saturation = 0.65; }),
              ElementsAre("colours drift: saturation goes from 0.40 at 0.0 s to 0.65 at 2.0 s; a lower "
                          "--guidance-scale or another --seed may hold them"));
}

TEST(Warnings, OfAPictureThatFreezes) {
  EXPECT_THAT(warnings_after([](WindowQuality& window) { window.motion = 0.01; }), IsEmpty());
  EXPECT_THAT(warnings_after([](WindowQuality& window) { window.motion = 0.001; }),
              ElementsAre("the picture freezes at 2.0 s; another --seed or a shorter --overlap-frames may keep it "
                          "moving"));
}

TEST(Warnings, OfAPictureThatJumps) {
  EXPECT_THAT(warnings_after([](WindowQuality& window) { window.join = 4.9; }), IsEmpty());
  EXPECT_THAT(warnings_after([](WindowQuality& window) { window.join = 7.2; }),
              ElementsAre("the picture jumps at 2.0 s, 7 times as far as from frame to frame elsewhere; a longer "
                          "--overlap-frames may smooth it"));
}

TEST(Warnings, OfValuesThatAreCutOff) {
  EXPECT_THAT(warnings_after([](WindowQuality& window) { window.clipped = 0.34; }), IsEmpty());
  EXPECT_THAT(warnings_after([](WindowQuality& window) { window.clipped = 0.5; }),
              ElementsAre("50 % of the values are black or white at 2.0 s; a lower --guidance-scale may help"));
}

TEST(Warnings, AnotherSceneMayLookDifferent) {
  std::vector<WindowQuality> windows{usual(0), usual(16), usual(32), usual(48)};
  for (const std::size_t i : {2U, 3U}) {
    windows[i].scene = 1;
    windows[i].luma = 0.2;
    windows[i].saturation = 0.9;
  }
  windows[2].join = 9;
  EXPECT_THAT(warnings_of(windows, 8), IsEmpty());
  windows[3].luma = 0.4;
  EXPECT_THAT(warnings_of(windows, 8), ElementsAre("brightness drifts from 0.20 at 4.0 s to 0.40 at 6.0 s; another "
                                                   "--seed or a longer --overlap-frames may hold it"));
}

TEST(Warnings, WindowsThatAddNoFramesSayNothing) {
  EXPECT_THAT(warnings_after([](WindowQuality& window) {
                window.frames = 0;
                window.luma = 0;
              }),
              IsEmpty());
}

// --- measuring ---

// Windows of 5 latent frames, of which the later ones know the first from the window before: 17, 16 and 16 frames.
Plan plan_of(int windows) {
  Plan plan;
  plan.compression = {4, 16};
  plan.fps = {8, 1};
  for (int i = 0; i < windows; ++i) plan.windows.push_back({{1, 5, 1, 1}, 4 * i, 1, i == 0 ? 0 : 1, 0, 0});
  plan.latent = {1, 4 * windows + 1, 1, 1};
  plan.shown = {0, 16 * windows + 1};
  return plan;
}

// Frames [n, 2, 2, 3] of one grey each.
Tensor greys(const std::vector<int>& levels) {
  const auto count = static_cast<std::int64_t>(levels.size());
  return at::tensor(levels).to(at::kByte).view({count, 1, 1, 1}).expand({count, 2, 2, 3}).contiguous();
}

// Goes up and down by `step` from frame to frame.
std::vector<int> flicker(int count, int level, int step) {
  std::vector<int> levels;
  for (int i = 0; i < count; ++i) levels.push_back(level + (i % 2) * step);
  return levels;
}

Quality quality_of(const Plan& plan, const std::vector<int>& levels) {
  QualityWatch watch(plan);
  const Tensor frames = greys(levels);
  watch.add_frames(frames.narrow(0, 0, 5));  // as a decoder brings them, in parts
  watch.add_frames(frames.narrow(0, 5, frames.size(0) - 5));
  return watch.result(at::zeros(plan.latent.sizes()));
}

std::vector<int> operator+(std::vector<int> a, const std::vector<int>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(QualityWatch, MeasuresTheFramesThatEachWindowAdds) {
  const Plan plan = plan_of(2);
  const Quality quality = quality_of(plan, flicker(17, 102, 4) + flicker(16, 104, 6));
  ASSERT_EQ(quality.windows.size(), 2U);
  const WindowQuality &first = quality.windows[0], &second = quality.windows[1];
  EXPECT_EQ(first.first_frame, 0);
  EXPECT_EQ(first.frames, 17);
  EXPECT_EQ(second.first_frame, 17);
  EXPECT_EQ(second.frames, 16);
  EXPECT_NEAR(first.luma, (102 + 4 * 8 / 17.0) / 255, 1e-6);
  EXPECT_NEAR(second.luma, 107 / 255.0, 1e-6);
  EXPECT_NEAR(first.motion, 4 / 255.0, 1e-6);
  EXPECT_NEAR(second.motion, 6 / 255.0, 1e-6);
  EXPECT_EQ(first.saturation, 0);
  EXPECT_EQ(first.clipped, 0);
  EXPECT_EQ(first.join, 0);                 // nothing is before it
  EXPECT_NEAR(second.join, 2 / 4.0, 1e-5);  // from 102 to 104, where 4 is usual
  EXPECT_THAT(quality.warnings, IsEmpty());
}

TEST(QualityWatch, MeasuresColoursAndWhatIsCutOff) {
  const Plan plan = plan_of(1);
  Tensor frames = at::zeros({17, 2, 2, 3}, at::kByte);
  frames.select(3, 0).fill_(255);
  frames.select(3, 1).fill_(51);
  frames.select(3, 2).fill_(102);
  QualityWatch watch(plan);
  watch.add_frames(frames);
  const Tensor latents = at::tensor({1.0F, 3.0F, 1.0F, 3.0F, 1.0F}).view({1, 1, 5, 1, 1});
  const WindowQuality window = watch.result(latents).windows.at(0);
  EXPECT_NEAR(window.luma, 0.2126 + 0.7152 * 0.2 + 0.0722 * 0.4, 1e-6);
  EXPECT_NEAR(window.saturation, 0.8, 1e-6);
  EXPECT_NEAR(window.clipped, 1 / 3.0, 1e-6);
  EXPECT_NEAR(window.latent_mean, 1.8, 1e-6);
  EXPECT_NEAR(window.latent_std, latents.std().item<double>(), 1e-6);
}

TEST(QualityWatch, SeesDriftWithoutAJump) {
  std::vector<int> rising;
  for (int i = 0; i < 16; ++i) rising.push_back(106 + 4 * i);
  EXPECT_THAT(quality_of(plan_of(3), flicker(17, 100, 4) + rising + flicker(16, 168, 4)).warnings,
              ElementsAre("brightness drifts from 0.40 at 0.0 s to 0.53 at 2.1 s; another --seed or a longer "
                          "--overlap-frames may hold it"));
}

TEST(QualityWatch, SeesAFreeze) {
  EXPECT_THAT(quality_of(plan_of(3), flicker(33, 100, 4) + flicker(16, 100, 0)).warnings,
              ElementsAre("the picture freezes at 4.1 s; another --seed or a shorter --overlap-frames may keep it "
                          "moving"));
}

TEST(QualityWatch, SeesAJumpAtAJoinOnly) {
  EXPECT_THAT(quality_of(plan_of(3), flicker(33, 100, 2) + flicker(16, 116, 2)).warnings,
              ElementsAre("the picture jumps at 4.1 s, 8 times as far as from frame to frame elsewhere; a longer "
                          "--overlap-frames may smooth it"));
  // Inside a window it is what the video shows.
  EXPECT_THAT(quality_of(plan_of(3), flicker(25, 100, 2) + flicker(24, 116, 2)).warnings, IsEmpty());
}

TEST(QualityWatch, CountsFromTheClipThatTheVideoGoesOnFrom) {
  Plan plan = plan_of(2);
  plan.before = ClipPart{"a.mp4", {0, 20}};
  plan.shown = {0, 30};  // the last three are trimmed
  const Quality quality = quality_of(plan, flicker(30, 100, 4));
  EXPECT_EQ(quality.windows[0].first_frame, 20);
  EXPECT_EQ(quality.windows[1].first_frame, 37);
  EXPECT_EQ(quality.windows[1].frames, 13);
}

TEST(QualityWatch, OfAVideoThatIsMadeBackwards) {
  Plan plan = plan_of(2);
  std::swap(plan.windows[0], plan.windows[1]);
  plan.windows[0].context = 0;
  plan.windows[1].context_after = 1;
  const Quality quality = quality_of(plan, flicker(13, 100, 4) + flicker(20, 150, 4));
  EXPECT_EQ(quality.windows[0].first_frame, 13);
  EXPECT_EQ(quality.windows[0].frames, 20);
  EXPECT_NEAR(quality.windows[0].join, 50 / 4.0, 1e-5);
  EXPECT_EQ(quality.windows[1].first_frame, 0);
  EXPECT_EQ(quality.windows[1].frames, 13);
  EXPECT_EQ(quality.windows[1].join, 0);
}

}  // namespace
}  // namespace sora
