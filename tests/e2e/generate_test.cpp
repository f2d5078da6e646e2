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
      R"("seconds":{"load_text_encoder":0.5,"encode_prompt":0.25,"load_model":1.0,"sample":60.0,"decode":3.0,"total":65.0},)"
      R"("peak_rss_bytes":1500000000,"peak_device_bytes":0})"
      "\n");
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

TEST_F(Rendering, TheDoctorAsksTheEngine) {
  const test::RunResult result = test::run_program({program_, "doctor"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, testing::EndsWith("\nok       LibTorch         2.11.0\n"));
}

}  // namespace
}  // namespace sora
