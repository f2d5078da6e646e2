// What sora-gen says while and after it renders, with an engine that renders nothing (tests/support/fake_engine.cpp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Rendering : public testing::Test {
 protected:
  Rendering() {
    fs::copy_file(SORA_BINARY, program_);
    fs::copy_file(SORA_FAKE_ENGINE, folder_ / "libsora_engine.so");
  }

  test::RunResult render(std::vector<std::string> words) const {
    words.insert(words.begin(), {program_, "--size", "64x64", "--num-frames", "9", "--fps", "8", "--steps", "2"});
    return test::run_program(words);
  }

  test::TempDir folder_;
  std::string program_ = folder_ / "sora-gen";
};

TEST_F(Rendering, SaysTheNameOnStandardOutputAndTheRestOnStandardError) {
  const test::RunResult result = render({"-p", "x", "--seed", "7", "-o", "x.mp4"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "x.mp4\n");
  EXPECT_EQ(result.err,
            "sora-gen: warning: the prompt is long\n"
            "sora-gen: info: 9 frames of 64x64 at 8 fps in 1:05, seed 7\n");
}

TEST_F(Rendering, PrintsADrawnSeed) {
  EXPECT_THAT(
      render({"-p", "x", "-o", "x.mp4"}).err,
      testing::MatchesRegex("sora-gen: info: seed ([0-9]+) \\(drawn; --seed [0-9]+ makes the same video again\\)\n.*"));
}

TEST_F(Rendering, OfAChecksumPrintsIt) {
  EXPECT_EQ(render({"-p", "x", "-o", "md5:"}).out, "d41d8cd98f00b204e9800998ecf8427e\n");
}

TEST_F(Rendering, QuietSaysNothingButTheResult) {
  const test::RunResult result = render({"-p", "x", "--quiet", "-o", "x.mp4"});
  EXPECT_EQ(result.out, "x.mp4\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(Rendering, VerboseSaysThePlanAndTheTimes) {
  const std::string err = render({"-p", "x", "--verbose", "-o", "x.mp4"}).err;
  EXPECT_THAT(err, testing::StartsWith("sora-gen: debug: the plan:\nmodel      "));
  EXPECT_THAT(
      err, testing::HasSubstr("sora-gen: debug: load text encoder 0.5 s, encode prompt 0.2 s, load model 1.0 s, sample "
                              "1:00, decode 3.0 s; peak memory 1.5 GB\n"));
}

TEST_F(Rendering, AsJsonIsOneObject) {
  const test::RunResult result =
      render({"-p", "x", "--json", "--seed", "7", "-o", "x.mp4", "--device", "cpu", "--dtype", "fp32"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(
      result.out,
      R"({"exit":0,"output":"x.mp4","seed":7,"frames":9,"width":64,"height":64,"fps":"8","steps":2,"device":"cpu","dtype":"fp32",)"
      R"("seconds":{"load_text_encoder":0.5,"encode_prompt":0.25,"load_model":1.0,"sample":60.0,"decode":3.0,"sign":0.0,"total":65.0},)"
      R"("peak_rss_bytes":1500000000,"peak_device_bytes":0,"quality":{"windows":[],"warnings":[]},"origin":{"manifest":null,"watermark":null}})"
      "\n");
}

TEST_F(Rendering, SaysTheQualityOfEachWindowAndWarns) {
  const test::RunResult result = render({"-p", "it gets dark", "--json", "--seed", "7", "-o", "x.mp4"});
  EXPECT_EQ(
      json::parse(result.out)["quality"].dump(),
      R"({"warnings":["brightness drifts"],"windows":[{"clipped":0.25,"first_frame":0,"frames":9,"join":0.0,"latent_mean":-0.1,"latent_std":1.0,"luma":0.1235,"motion":0.0313,"saturation":0.5,"scene":0}]})");
  EXPECT_EQ(result.err,
            "sora-gen: warning: the prompt is long\n"
            "sora-gen: warning: brightness drifts\n"
            "sora-gen: info: 9 frames of 64x64 at 8 fps in 1:05, seed 7\n");
}

TEST_F(Rendering, GoesOnWithTheSeedOfAnInterruptedRender) {
  const std::string output = folder_ / "x.mp4";
  test::write_file(output + ".latents/plan.json", R"({"version": 1, "seed": 18446744073709551615})");
  const auto line = [&](const std::string& seed) {
    return "sora-gen: info: 9 frames of 64x64 at 8 fps in 1:05, seed " + seed + "\n";
  };
  const std::string prefix = "sora-gen: warning: the prompt is long\n", largest = "18446744073709551615";
  EXPECT_EQ(render({"-p", "x", "-o", output}).err,
            "sora-gen: info: seed " + largest + ", which the interrupted render of " + output + " had drawn (--seed " +
                largest + " makes the same video again)\n" + prefix + line(largest));
  EXPECT_EQ(render({"-p", "x", "-o", output, "--seed", "7"}).err, prefix + line("7"));
  for (const std::string text : {"", "{", "[]", R"({"seed": -1})", R"({"seed": "7"})"}) {
    test::write_file(output + ".latents/plan.json", text);
    EXPECT_THAT(render({"-p", "x", "-o", output}).err, testing::HasSubstr("(drawn; --seed ")) << text;
  }
}

TEST_F(Rendering, ProgressAsJsonLines) {
  const test::RunResult result = render({"-p", "x", "--quiet", "--progress", "json", "-o", "x.mp4"});
  EXPECT_EQ(result.out, "x.mp4\n");
  EXPECT_EQ(result.err, R"({"event":"progress","stage":"load text encoder","done":0,"total":1000,"seconds":0.0})"
                        "\n"
                        R"({"event":"progress","stage":"load text encoder","done":1000,"total":1000,"seconds":0.0})"
                        "\n"
                        R"({"event":"note","text":"the prompt is long"})"
                        "\n"
                        R"({"event":"progress","stage":"sample","done":0,"total":2,"seconds":0.0})"
                        "\n"
                        R"({"event":"progress","stage":"sample","done":2,"total":2,"seconds":0.0})"
                        "\n");
}

TEST_F(Rendering, NeverAnimatesWhereThereIsNoTerminal) {
  const test::RunResult result = render({"-p", "x", "--seed", "7", "--progress", "tty", "-o", "x.mp4"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err,
            "sora-gen: warning: --progress tty: standard error is no terminal, so no progress is shown\n"
            "sora-gen: warning: the prompt is long\n"
            "sora-gen: info: 9 frames of 64x64 at 8 fps in 1:05, seed 7\n");
}

TEST_F(Rendering, WarnsOfANegativePromptThatIsNotUsed) {
  EXPECT_THAT(render({"-p", "x", "-n", "blur", "--guidance-scale", "1", "--seed", "7", "-o", "x.mp4"}).err,
              testing::StartsWith("sora-gen: warning: --negative-prompt has no effect: guidance is off at scale 1\n"));
}

TEST_F(Rendering, FaultsBecomeExitCodes) {
  struct Row {
    std::string prompt;
    int exit_code;
    std::string message;
  };
  for (const Row& row :
       {Row{"no disk", 5, "x.mp4: No space left on device"},
        Row{"no memory", 6, "out of memory; a smaller --size, a shorter length or --vae-tile-size needs less"},
        Row{"a bug", 1, "a bug of sora-gen, please report it: index 7 of 3"}}) {
    const test::RunResult result = render({"-p", row.prompt, "--seed", "7", "-o", "x.mp4", "--json"});
    EXPECT_EQ(result.exit_code, row.exit_code);
    EXPECT_EQ(result.err, "sora-gen: error: " + row.message + "\n");
    EXPECT_EQ(json::parse(result.out), (json{{"exit", row.exit_code}, {"error", row.message}}));
  }
}

// The fake engine needs a minute for whatever number of steps, and 40 seconds of it for the first.
TEST_F(Rendering, TellsHowLongTheNextOneTakes) {
  test::RunOptions options;
  options.env = {{"XDG_CACHE_HOME", folder_ / "cache"}};
  const auto planned = [&](std::vector<std::string> words) {
    words.insert(words.begin(),
                 {program_, "-p", "x", "--size", "64x64", "--num-frames", "9", "--steps", "4", "--dry-run"});
    const test::RunResult result = test::run_program(words, options);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  const json unknown{{"load_text_encoder", nullptr},
                     {"encode_prompt", nullptr},
                     {"load_model", nullptr},
                     {"sample", nullptr},
                     {"decode", nullptr},
                     {"total", nullptr}};
  EXPECT_EQ(json::parse(planned({"--json"}))["estimated_seconds"], unknown);
  EXPECT_THAT(
      planned({}),
      testing::HasSubstr("\ntime       unknown: nothing like this has been rendered here; --calibrate measures it\n"));
  EXPECT_FALSE(fs::exists(folder_ / "cache"));

  test::run_program({program_, "-p", "x", "--size", "64x64", "--num-frames", "9", "--steps", "2", "-o", "x.mp4"},
                    options);
  const json known{{"load_text_encoder", 0.5}, {"encode_prompt", 0.25}, {"load_model", 1.0},
                   {"sample", 20.0 + 4 * 20},  {"decode", 3.0},         {"total", 104.75}};
  EXPECT_EQ(json::parse(planned({"--json"}))["estimated_seconds"], known);
  EXPECT_THAT(planned({}), testing::HasSubstr(
                               "\ntime       about 1:45: text 0.8 s, loading 1.0 s, sampling 1:40, decoding 3.0 s\n"));
  EXPECT_EQ(json::parse(planned({"--json", "--threads", "77"}))["estimated_seconds"], unknown);

  test::write_file(folder_ / "cache/sora-gen/timings.json", "{");
  EXPECT_EQ(json::parse(planned({"--json"}))["estimated_seconds"], unknown);
}

TEST_F(Rendering, MeasuresOnRequest) {
  const std::string cache = folder_ / "cache";
  const test::RunResult result =
      test::run_program({program_, "-p", "x", "--size", "64x64", "--seconds", "60", "--steps", "4", "--calibrate",
                         "--dry-run", "--json", "--progress", "none"},
                        {.env = {{"XDG_CACHE_HOME", cache}}});
  EXPECT_THAT(result.err,
              testing::StartsWith("sora-gen: info: measuring: 3 steps of a window of 33 frames, and decoding them\n"));
  const json plan = json::parse(result.out);
  ASSERT_EQ(plan["windows"].size(), 17u);
  EXPECT_EQ(plan["output"].get<std::string>().substr(0, 9), "sora-gen-");
  // Of the 60 seconds for three steps the first took 40, so that one takes 10, and 30 are spent once.
  EXPECT_NEAR(plan["estimated_seconds"]["sample"], 30 + 17 * 4 * 10, 1e-6);
  EXPECT_NEAR(plan["estimated_seconds"]["decode"], 3.0 * 481 / 33, 1e-6);
}

TEST_F(Rendering, TheDoctorAsksTheEngine) {
  const std::string c2pa = std::filesystem::path(SORA_BINARY).parent_path() / "libc2pa_c.so";
  const test::RunResult result = test::run_program({program_, "doctor"}, {.env = {{"SORA_C2PA_LIBRARY", c2pa}}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, testing::EndsWith("\nok       LibTorch         2.11.0\n"));
  EXPECT_THAT(result.out, testing::HasSubstr("\nok       signing keys     none yet: the first render makes them\n"));
  // It is not beside this copy of the program.
  const test::RunResult unsigned_ones = test::run_program({program_, "doctor"});
  EXPECT_EQ(unsigned_ones.exit_code, 4);
  EXPECT_THAT(unsigned_ones.out, testing::HasSubstr("\nMISSING  provenance       "));
}

// The plans of media, which the engine looks at.
class PlansOfMedia : public Rendering {
 protected:
  test::RunResult dry_run(std::vector<std::string> words) const {
    words.insert(words.begin(),
                 {program_, "-p", "x", "--seed", "1", "--device", "cpu", "--dtype", "fp32", "--dry-run"});
    return test::run_program(words);
  }
  json plan(std::vector<std::string> words) const {
    words.push_back("--json");
    const test::RunResult result = dry_run(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
  }
};

json span(const std::string& media, int source_first, int count, int at, int latent, int latents) {
  return {{"media", media}, {"source_first", source_first},
          {"count", count}, {"at", at},
          {"kept", true},   {"latents", {{"first", latent}, {"count", latents}}}};
}

TEST_F(PlansOfMedia, FlagsInAllTheirForms) {
  EXPECT_EQ(plan({"--image", "a.png", "--last-image=z.png"})["given"],
            (json{span("a.png", 0, 1, 0, 0, 1), span("z.png", 0, 1, 32, 8, 1)}));
  EXPECT_EQ(plan({"--given", "a.png@4", "--given", "b.mp4#3-10@-8", "--given", "c.mp4#5@0"})["given"],
            (json{span("c.mp4", 5, 1, 0, 0, 1), span("a.png", 0, 1, 4, 1, 1), span("b.mp4", 3, 8, 25, 7, 2)}));
  EXPECT_EQ(plan({"--given", "me@home#1.png@0"})["given"][0]["media"], "me@home#1.png");
  EXPECT_EQ(plan({"--connect", "a.mp4", "b.png", "--extend-frames", "8", "--crf=20"})["num_frames"], 33 + 8 + 1);
  EXPECT_EQ(plan({"--connect", "-a.mp4", "b.png"})["before"]["media"], "-a.mp4");
}

TEST_F(PlansOfMedia, AsText) {
  EXPECT_THAT(
      dry_run({"--extend", "clip-96x64-12fps-40.mp4", "--extend-frames", "10"}).out,
      testing::HasSubstr("video      96x64, 50 frames at 12 fps, 4.17 s (rendered as 17 frames, the end is trimmed)\n"
                         "before     clip-96x64-12fps-40.mp4, frames 0 to 34, as they are\n"
                         "given      clip-96x64-12fps-40.mp4, frames 35 to 39, at frames 35 to 39\n"
                         "latents    16 channels, 5 frames of 12x8\n"));
  EXPECT_THAT(dry_run({"--extend", "a.mp4", "--backward", "--extend-frames", "10"}).out,
              testing::HasSubstr("video      128x128, 43 frames at 8 fps, 5.38 s (rendered as 21 frames, the start is "
                                 "trimmed)\n"
                                 "given      a.mp4, frames 0 to 7, at frames 10 to 17\n"
                                 "after      a.mp4, frames 8 to 32, as they are\n"));
  EXPECT_THAT(dry_run({"--video", "a.mp4", "--mask", "m.png", "--strength", "0.5"}).out,
              testing::HasSubstr("given      a.mp4, frames 0 to 32, at frames 0 to 32, noised\n"
                                 "mask       m.png\n"
                                 "latents    16 channels, 9 frames of 16x16\n"
                                 "windows    1: latent frames 0 to 8, 576 tokens\n"
                                 "sampling   8 of 16 steps (strength 0.5), guidance scale 4\n"));
}

TEST_F(PlansOfMedia, WhatTheEngineCannotReadIsAnInputError) {
  const test::RunResult result = dry_run({"--image", "missing.png"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.err, "sora-gen: error: missing.png: No such file or directory\n");
}

TEST_F(PlansOfMedia, AConfigFileNamesThemToo) {
  test::write_file(folder_ / "my.json", R"({"image": "a.png", "connect": ["b.mp4", "c.mp4"]})");
  EXPECT_EQ(
      dry_run({"--config", folder_ / "my.json"}).err,
      "sora-gen: error: --image a.png and --connect: both ends are given already; for more than two, --given takes "
      "each with its frame\n");
  test::write_file(folder_ / "my.json", R"({"image": "a.png", "extend-frames": 5, "given": ["b.png@9"]})");
  EXPECT_EQ(plan({"--config", folder_ / "my.json", "--image", "z.png", "--num-frames", "17"})["given"],
            (json{span("z.png", 0, 1, 0, 0, 1), span("b.png", 0, 1, 9, 3, 1)}));
}

TEST_F(PlansOfMedia, LongerThanTheCheckpointWasMadeFor) {
  const test::RunResult result =
      render({"-p", "x", "--seed", "1", "-o", "x.mp4", "-m", test::data("models/wan21_t2v"), "--window-frames", "9"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const test::RunResult blended =
      test::run_program({program_, "-p", "x", "--seed", "1", "-o", "x.mp4", "-m", test::data("models/wan21_t2v"),
                         "--size", "64x64", "--num-frames", "90", "--steps", "2"});
  EXPECT_THAT(blended.err,
              testing::StartsWith("sora-gen: warning: this checkpoint makes 81 frames at a time; longer videos "
                                  "are blended from 2 windows and tend to repeat themselves\n"));
}

}  // namespace
}  // namespace sora
