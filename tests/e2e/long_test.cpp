// Long videos on the shipped checkpoint: windows, scenes, constant memory, and renders that are killed and go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "support/killed_program.h"
#include "support/shipped.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::operator+;
using test::difference;
using test::kKilled;
using test::Rgb;
using test::RunResult;
using test::Words;
using testing::HasSubstr;
using testing::Not;

using LongVideos = test::Shipped;

// --- windows and scenes ---

TEST_F(LongVideos, OneWindowIsNoWindows) {
  const auto video = [&](const std::string& name, const Words& windows) {
    EXPECT_EQ(render(Words{"--num-frames", "17", "--no-metadata", "-o", name} + windows).exit_code, 0);
    return test::read_text(folder_ / name);
  };
  const std::string plain = video("plain.mp4", {});
  EXPECT_TRUE(video("one.mp4", {"--window-frames", "17"}) == plain);
  EXPECT_FALSE(video("two.mp4", {"--window-frames", "13"}) == plain);
}

TEST_F(LongVideos, ASceneChangesNothingBeforeItsWindow) {
  const Words words{"--num-frames", "33", "--window-frames", "17", "--overlap-frames", "5"};
  const Words scene{"--scene", "2.125: a blue cube over the sea"};  // frame 17, the first that the second window adds
  const auto windows = json::parse(render(words + scene + Words{"--dry-run", "--json"}).out)["windows"];
  ASSERT_EQ(windows.size(), 3U);
  EXPECT_EQ(windows[0]["first_latent_frame"], 0);
  EXPECT_EQ(windows[0]["latent_frames"], 5);
  EXPECT_EQ((std::vector{windows[0]["scene"], windows[1]["scene"], windows[2]["scene"]}), (std::vector<json>{0, 1, 1}));
  const std::vector<Rgb> one = frames("one", words), two = frames("two", words + scene);
  ASSERT_EQ(one.size(), 33U);
  ASSERT_EQ(two.size(), 33U);
  for (std::size_t i = 0; i < 17; ++i) EXPECT_EQ(difference(one[i], two[i]), 0) << i;
  for (std::size_t i = 17; i < 33; ++i) EXPECT_GT(difference(one[i], two[i]), 0.5) << i;
}

TEST_F(LongVideos, ASceneBeginsInAWindowOfItsOwn) {
  const auto windows = json::parse(
      render({"--num-frames", "65", "--scene", "1.5: a blue cube", "--scene", "6:a white star", "--dry-run", "--json"})
          .out);
  const auto scenes = windows["scenes"];
  for (const json& window : windows["windows"]) {
    const int first_new = window["first_latent_frame"].get<int>() + window["context"].get<int>();
    const int end = window["first_latent_frame"].get<int>() + window["latent_frames"].get<int>();
    const std::size_t scene = window["scene"];
    EXPECT_GE(first_new, scenes[scene]["first_latent_frame"]);
    const bool last = scene + 1 == scenes.size();
    EXPECT_LE(end, last ? 17 : scenes[scene + 1]["first_latent_frame"].get<int>());
  }
}

// --- a minute ---

// By then the encoder looks ahead as far as it ever does.
TEST_F(LongVideos, AMinuteTakesTheMemoryOfItsFirstQuarter) {
  const json quarter = result({"--seconds", "15", "--steps", "1", "-o", "quarter.mp4"});
  const json minute = result({"--seconds", "60", "--steps", "1", "-o", "minute.mp4"});
  EXPECT_EQ(minute["frames"], 480);
  EXPECT_EQ(test::read_video(folder_ / "minute.mp4").frames.size(), 480U);
  EXPECT_LE(minute["peak_rss_bytes"].get<double>(), 1.05 * quarter["peak_rss_bytes"].get<double>());
}

TEST_F(LongVideos, SayTheQualityOfEachWindow) {
  const json quality = result({"--seconds", "8", "-o", "md5:"})["quality"];
  ASSERT_EQ(quality["windows"].size(), 3U);
  int next = 0;
  for (const json& window : quality["windows"]) {
    EXPECT_EQ(window["first_frame"], next);
    next += window["frames"].get<int>();
    for (const char* share : {"luma", "saturation", "clipped", "motion"}) {
      EXPECT_GE(window[share], 0) << share;
      EXPECT_LE(window[share], 1) << share;
    }
    EXPECT_GT(window["luma"], 0);
    EXPECT_GT(window["motion"], 0);
    EXPECT_EQ(window["join"] == 0, window["first_frame"] == 0);
    EXPECT_GT(window["latent_std"], 0);
  }
  EXPECT_EQ(next, 64);
  EXPECT_TRUE(quality["warnings"].is_array());
}

// --- renders that are killed ---

class KilledRenders : public test::Shipped {
 protected:
  // Eight windows of two new latent frames each.
  Words words(const std::string& output, const std::string& steps = "2", const Words& seed = {"--seed", "1"}) const {
    return Words{"-p",
                 "a red ball over a green meadow",
                 "--threads",
                 "1",
                 "--size",
                 "32x32",
                 "--steps",
                 steps,
                 "--guidance-scale",
                 "1",
                 "--seconds",
                 "8",
                 "--window-frames",
                 "13",
                 "--overlap-frames",
                 "5",
                 "--progress",
                 "json",
                 "-o",
                 output} +
           seed;
  }

  int render_until(const Words& words, const std::function<bool(int lines)>& now) const {
    return test::run_and_kill(Words{SORA_BINARY} + words, folder_.path(), now);
  }

  // Kills a render as soon as it has saved its windows up to `window`.
  void break_after(int window, const Words& words, const std::string& output) const {
    const fs::path last = saved(output, window);
    ASSERT_EQ(render_until(words, [&](int) { return fs::exists(last); }), kKilled);
  }

  fs::path saved(const std::string& output, int window) const {
    return folder_ / (output + ".latents/windows-000" + std::to_string(window) + ".safetensors");
  }

  RunResult run(const Words& words) const { return test::run(words, {.working_directory = folder_.path()}); }

  std::string bytes(const std::string& name) const { return test::read_text(folder_ / name); }

  // Of a video that nobody disturbs.
  std::string unbroken(const Words& words, const std::string& output) const {
    EXPECT_EQ(run(words).exit_code, 0);
    return bytes(output);
  }

  void expect_nothing_left(const std::string& output) const {
    EXPECT_FALSE(fs::exists(folder_ / (output + ".latents"))) << output;
  }
};

TEST_F(KilledRenders, GoOnFromAnyMomentAndGiveTheSameFile) {
  const std::string expected = unbroken(words("whole.mp4"), "whole.mp4");
  std::mt19937 random(7);
  const auto draw = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
  int kills = 0;
  for (int video = 0; kills < 20; ++video) {
    const std::string output = std::to_string(video) + ".mp4";
    int exit_code = kKilled;
    while (exit_code == kKilled) {
      ASSERT_LT(kills, 200) << "no render comes to its end";
      const int line = draw(24), microseconds = draw(20'000);
      exit_code = render_until(words(output), [&](int lines) {
        if (lines >= line) usleep(static_cast<useconds_t>(microseconds));
        return lines >= line;
      });
      if (exit_code == kKilled) ++kills;
    }
    // Killed between the video's publication and the end of the process, the same command finds it there.
    if (exit_code != 5) {
      EXPECT_EQ(exit_code, 0);
      expect_nothing_left(output);
    }
    EXPECT_TRUE(bytes(output) == expected) << output;
  }
}

TEST_F(KilledRenders, OfNumberedFramesKeepTheFramesThatAreThere) {
  const Words whole = words("whole/%03d.png"), broken = words("broken/%03d.png");
  ASSERT_EQ(run(whole).exit_code, 0);
  break_after(4, broken, "broken/%03d.png");
  EXPECT_TRUE(fs::exists(folder_ / "broken/001.png"));
  ASSERT_EQ(run(broken).exit_code, 0);
  for (int i = 1; i <= 64; ++i) {
    const std::string number = std::to_string(1000 + i).substr(1);
    EXPECT_TRUE(bytes("whole/" + number + ".png") == bytes("broken/" + number + ".png")) << number;
  }
  expect_nothing_left("broken/%03d.png");
  // Without a render to go on with, or where they are others, such frames are in the way.
  EXPECT_EQ(run(broken).exit_code, 5);
}

TEST_F(KilledRenders, NeverReplaceANumberedFrameOfSomeoneElse) {
  const Words broken = words("broken/%03d.png");
  break_after(4, broken, "broken/%03d.png");
  test::write_file(folder_ / "broken/001.png", "mine");
  const RunResult result = run(broken);
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("broken/001.png exists already; use --overwrite to replace it\n"));
  EXPECT_EQ(bytes("broken/001.png"), "mine");
}

TEST_F(KilledRenders, OnlyDecodeWhenAllIsSampled) {
  break_after(7, words("a.mp4"), "a.mp4");
  const RunResult result = run(words("a.mp4"));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, Not(testing::ContainsRegex(R"("stage":"sample","done":[1-9])")));
  EXPECT_THAT(result.err, Not(HasSubstr("load text encoder")));
  EXPECT_THAT(result.err, Not(HasSubstr("load model")));
  EXPECT_TRUE(bytes("a.mp4") == unbroken(words("b.mp4"), "b.mp4"));
}

TEST_F(KilledRenders, OfOtherSettingsAreNotGoneOnWith) {
  break_after(3, words("a.mp4"), "a.mp4");
  const std::string other = unbroken(words("other.mp4", "3"), "other.mp4");
  EXPECT_TRUE(unbroken(words("a.mp4", "3"), "a.mp4") == other);
  expect_nothing_left("a.mp4");
}

TEST_F(KilledRenders, SampleDamagedLatentsAgain) {
  const std::string expected = unbroken(words("whole.mp4"), "whole.mp4");
  break_after(4, words("a.mp4"), "a.mp4");
  fs::resize_file(saved("a.mp4", 0), 100);
  test::write_file(saved("a.mp4", 1), "");
  std::string content = test::read_text(saved("a.mp4", 2));
  content[content.size() / 3] ^= 1;  // one bit of the latents
  test::write_file(saved("a.mp4", 2), content);
  EXPECT_TRUE(unbroken(words("a.mp4"), "a.mp4") == expected);
  expect_nothing_left("a.mp4");
}

TEST_F(KilledRenders, GoOnWithTheSeedThatWasDrawn) {
  const Words no_seed = words("a.mp4", "2", {});
  break_after(2, no_seed, "a.mp4");
  const json plan = json::parse(bytes("a.mp4.latents/plan.json"));
  const std::string seed = std::to_string(plan["seed"].get<std::uint64_t>());
  const RunResult result = run(no_seed + Words{"--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err,
              HasSubstr("sora-gen: info: seed " + seed + ", which the interrupted render of a.mp4 had drawn (--seed " +
                        seed + " makes the same video again)\n"));
  EXPECT_EQ(json::parse(result.out)["seed"], plan["seed"]);
  EXPECT_TRUE(bytes("a.mp4") == unbroken(words("b.mp4", "2", {"--seed", seed}), "b.mp4"));
  expect_nothing_left("a.mp4");
}

}  // namespace
}  // namespace sora
