// Videos that a frame checker refuses, as a user meets them: exit code 8 and nothing published; in a batch the others
// go on. The checker is tests/data/frame_checker/red.pt, whose scores are the mean brightness of red and blue.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/shipped.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::operator+;
using test::RunResult;
using test::Words;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

class FrameChecker : public test::Shipped {
 protected:
  FrameChecker() { fs::copy_file(test::data("frame_checker/red.pt"), folder_ / "red.pt"); }

  // With a score from which on everything that is not black is refused.
  static Words refusing(const std::string& output, const std::string& frames = "5") {
    return {"--frame-checker", "red.pt", "--frame-threshold", "0.001", "--num-frames", frames, "-o", output};
  }

  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      names.insert(entry.path().lexically_relative(folder_.path()));
    }
    names.erase("red.pt");
    return names;
  }

  static std::vector<json> objects(const std::string& text) {
    std::vector<json> all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) all.push_back(json::parse(line));
    return all;
  }

  static constexpr const char* kWhy =
      "frame 0 \\(0.0 s\\): the checker red.pt gives category \"(red|blue)\" 0.[0-9]+, refused from 0.001 on";
};

TEST_F(FrameChecker, RefusesTheVideoAndLeavesNothing) {
  const RunResult result = render(refusing("out/x.mp4") + Words{"--poster", "--contact-sheet", "--json", "-q"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_THAT(result.err, MatchesRegex(std::string("sora-gen: refused: ") + kWhy + "\n"));
  const json object = json::parse(result.out);
  EXPECT_EQ(object.size(), 3);
  EXPECT_EQ(object["exit"], 8);
  EXPECT_EQ(object["code"], "frames_refused");
  EXPECT_THAT(object["error"].get<std::string>(), MatchesRegex(kWhy));
  for (const std::string& name : files()) EXPECT_EQ(name, "out");
}

TEST_F(FrameChecker, LeavesAnOlderVideoAsItWas) {
  test::write_file(folder_ / "x.mp4", "older");
  EXPECT_EQ(render(refusing("x.mp4") + Words{"--overwrite"}).exit_code, 8);
  EXPECT_EQ(test::read_text(folder_ / "x.mp4"), "older");
  EXPECT_EQ(files(), std::set<std::string>{"x.mp4"});
}

TEST_F(FrameChecker, HoldsForASinglePictureAndForChecksums) {
  EXPECT_EQ(render(refusing("x.png", "1")).exit_code, 8);
  EXPECT_THAT(files(), IsEmpty());
  const RunResult digest = render(refusing("md5:"));
  EXPECT_EQ(digest.exit_code, 8);
  EXPECT_EQ(digest.out, "");
}

TEST_F(FrameChecker, ChangesNoByteOfWhatItAllows) {
  const Words words{"--num-frames", "9"};
  EXPECT_EQ(render(words + Words{"-o", "a.mp4"}).exit_code, 0);
  const RunResult checked = render(words + Words{"-o", "b.mp4", "--frame-checker", "red.pt", "--frame-threshold", "1"});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_EQ(test::read_text(folder_ / "a.mp4"), test::read_text(folder_ / "b.mp4"));
}

TEST_F(FrameChecker, IsTriedBeforeAnythingIsRendered) {
  test::write_file(folder_ / "red.pt", "no module");
  const RunResult result = render({"--frame-checker", "red.pt", "--progress", "json", "-o", "x.mp4"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("sora-gen: error: the frame checker red.pt: is no TorchScript module: it is no zip "
                                    "archive, which torch.jit.save() writes\n"));
  EXPECT_THAT(result.err, Not(HasSubstr("\"stage\"")));
  EXPECT_EQ(files(), std::set<std::string>{});
}

TEST_F(FrameChecker, DoesNotGoWithNumberedFrames) {
  EXPECT_EQ(
      test::refusal(2, {"-p", "a ball", "--frame-checker", "red.pt", "-o", "v/%d.png"}),
      "sora-gen: error: --frame-checker: numbered frames such as v/%d.png appear one by one, so that those before "
      "a refused one would be there; give an .mp4\n");
  EXPECT_EQ(test::refusal(2, {"-p", "a ball", "--frame-threshold", "0.3"}),
            "sora-gen: error: --frame-threshold 0.3: is for the scores of --frame-checker, which is not given\n");
}

TEST_F(FrameChecker, IsNotTakenFromAFile) {
  test::write_file(folder_ / "x.json", R"({"sora-gen": "1", "settings": {"prompt": "a", "frame-threshold": 1}})");
  EXPECT_EQ(test::refusal(2, {"--from", folder_ / "x.json"}),
            "sora-gen: error: --from " + (folder_ / "x.json").string() +
                ": has \"frame-threshold\"; give --frame-threshold on the command line\n");
}

TEST_F(FrameChecker, IsInTheLog) {
  const test::TempDir data;
  const test::RunOptions options{.env = {{"XDG_CACHE_HOME", cache_.path()}, {"XDG_DATA_HOME", data.path()}},
                                 .working_directory = folder_.path(),
                                 .marks = true};
  const RunResult result = test::run(refusing("x.mp4") + Words{"-p", "a red ball", "--steps", "1", "--size", "64x64",
                                                               "--guidance-scale", "1", "--threads", "1"},
                                     options);
  EXPECT_EQ(result.exit_code, 8) << result.err;
  EXPECT_THAT(files(), IsEmpty());
  const std::vector<json> records = objects(test::read_text(data / "sora-gen/audit.jsonl"));
  ASSERT_EQ(records.size(), 2);
  EXPECT_EQ(records[0]["decision"], "allowed");
  EXPECT_EQ(records[1]["event"], "decision");
  EXPECT_EQ(records[1]["decision"], "refused");
  EXPECT_EQ(records[1]["job"], records[0]["job"]);
  EXPECT_EQ(records[1]["rule"], "frame checker");
  EXPECT_EQ(records[1]["policy"], "red.pt");
  EXPECT_EQ(records[1]["policy_sha256"], "32c0d0171e298413b1ee77b66b725da6c6e816f1017c8f2fa0ede7191265270f");
  EXPECT_THAT(records[1]["category"].get<std::string>(), testing::AnyOf("red", "blue"));
  EXPECT_EQ(test::run({"audit", "verify"}, options).exit_code, 0);
}

// The frames of the second half second are given, and come out as they are: quite red.
TEST_F(FrameChecker, RefusesInTheMiddleOfAVideo) {
  test::write_clip(folder_ / "red.mov", test::plain(64, 64, {255, 0, 0}, 4));
  const Words words{"--given", "red.mov@1", "--num-frames", "9", "--frame-checker", "red.pt", "-q"};
  const RunResult result = render(words + Words{"--frame-threshold", "0.9", "-o", "x.mp4"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_EQ(result.err,
            "sora-gen: refused: frame 4 (0.5 s): the checker red.pt gives category \"red\" 1, refused from 0.9 on\n");
  EXPECT_EQ(files(), std::set<std::string>{"red.mov"});
}

// The first frame of each video is a picture that is given, and the only one that is looked at.
class FrameCheckerOfABatch : public FrameChecker {
 protected:
  FrameCheckerOfABatch() {
    test::write_picture(folder_ / "red.png", test::plain(32, 32, {255, 0, 0}));
    test::write_picture(folder_ / "black.png", test::plain(32, 32, {0, 0, 0}));
    test::write_file(folder_ / "p.jsonl", R"({"prompt": "a ball", "image": "black.png"}
{"prompt": "a ball", "image": "red.png"}
{"prompt": "a cube", "image": "black.png"}
)");
  }

  RunResult batch(const std::string& threshold, const Words& more = {}) const {
    const Words words{"--prompts",
                      "p.jsonl",
                      "--threads",
                      "1",
                      "--steps",
                      "1",
                      "--size",
                      "32x32",
                      "--num-frames",
                      "5",
                      "--fps",
                      "10",
                      "--keep-given",
                      "yes",
                      "--guidance-scale",
                      "1",
                      "--seed",
                      "1",
                      "--frame-checker",
                      "red.pt",
                      "-o",
                      "v/{index}.mp4",
                      "--frame-threshold",
                      threshold};
    return test::run(words + more, {.env = {{"XDG_CACHE_HOME", cache_.path()}}, .working_directory = folder_.path()});
  }
  bool is_made(int index) const { return fs::exists(folder_ / ("v/" + std::to_string(index) + ".mp4")); }
  static constexpr const char* kRed =
      "frame 0 (0.0 s): the checker red.pt gives category \"red\" 1, refused from 0.9 on";
};

TEST_F(FrameCheckerOfABatch, RefusesOneVideoAndLetsTheOthersBeMade) {
  const RunResult result = batch("0.9", {"--json", "--fail-fast"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr(std::string("sora-gen: refused: p.jsonl:2: ") + kRed + "\n"));
  EXPECT_THAT(result.err, HasSubstr("2 made in "));
  EXPECT_THAT(result.err, HasSubstr(", 1 refused"));
  EXPECT_THAT(result.err, HasSubstr("sora-gen: error: 1 of 3 videos could not be made\n"));
  const std::vector<json> lines = objects(result.out);
  ASSERT_EQ(lines.size(), 4);  // the last is the failure of the whole
  EXPECT_EQ(lines[0]["state"], "made");
  EXPECT_EQ(lines[1], json({{"index", 2},
                            {"origin", "p.jsonl:2"},
                            {"state", "refused"},
                            {"exit", 8},
                            {"output", "v/2.mp4"},
                            {"error", kRed},
                            {"code", "frames_refused"}}));
  EXPECT_EQ(lines[2]["state"], "made");
  EXPECT_TRUE(is_made(1));
  EXPECT_FALSE(is_made(2));
  EXPECT_TRUE(is_made(3));
  EXPECT_FALSE(fs::exists(folder_ / "v/2.mp4.latents"));
}

// Rendering it again would end in the same frames.
TEST_F(FrameCheckerOfABatch, IsAskedAgainOnlyIfItIsAnother) {
  EXPECT_EQ(batch("0.9").exit_code, 3);
  const std::string journal = test::read_text(folder_ / "v/.sora-gen/journal.jsonl");
  const RunResult again = batch("0.9", {"--json", "--retry-failed"});
  EXPECT_EQ(again.exit_code, 3);
  EXPECT_THAT(again.err, HasSubstr("0 made in "));
  EXPECT_THAT(again.err, HasSubstr(std::string("sora-gen: refused: p.jsonl:2: ") + kRed + "\n"));
  EXPECT_EQ(objects(again.out)[1]["code"], "frames_refused");
  EXPECT_EQ(test::read_text(folder_ / "v/.sora-gen/journal.jsonl"), journal);

  const RunResult other = batch("1");
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("refused from 1 on"));
  const Words without{"--prompts",    "p.jsonl",      "--threads",        "1", "--steps", "1",
                      "--size",       "32x32",        "--num-frames",     "5", "--fps",   "10",
                      "--keep-given", "yes",          "--guidance-scale", "1", "--seed",  "1",
                      "-o",           "v/{index}.mp4"};
  const RunResult made = test::run(without, {.working_directory = folder_.path()});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.err, HasSubstr("1 made in "));
  EXPECT_TRUE(is_made(2));
}

TEST_F(FrameCheckerOfABatch, ThatIsNoModuleEndsTheBatchAtOnce) {
  test::write_file(folder_ / "red.pt", "PK\x03\x04");
  const RunResult result = batch("0.9");
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("the frame checker red.pt: LibTorch cannot load it as a TorchScript module: "));
  EXPECT_FALSE(is_made(1));
  fs::remove(folder_ / "red.pt");
  const RunResult missing = batch("0.9");
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_THAT(missing.err, HasSubstr("red.pt"));
}

}  // namespace
}  // namespace sora
