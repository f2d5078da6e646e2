// Many videos in one command, on the shipped checkpoint: each is what it would be alone, is made once, and is told the
// truth about.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "support/killed_program.h"
#include "support/shipped.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::operator+;
using test::kKilled;
using test::RunResult;
using test::Words;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kThree =
    "a red ball over a green meadow\n"
    "# a comment\n"
    "\n"
    "a blue cube over the sea\n"
    "a white star at night\n";

class Batches : public testing::Test {
 protected:
  // Small pictures of few steps.
  Words words(const std::string& prompts, const Words& more = {}) const {
    return Words{"--prompts", prompts, "--threads",    "1", "--steps",          "2",
                 "--size",    "32x32", "--num-frames", "5", "--guidance-scale", "1"} +
           more;
  }
  RunResult run(const Words& words, const test::RunOptions& options = {}) const {
    test::RunOptions in_folder = options;
    in_folder.working_directory = folder_.path();
    return test::run(words, in_folder);
  }
  void write(const std::string& name, const std::string& text) const { test::write_file(folder_ / name, text); }
  std::string bytes(const std::string& name) const { return test::read_text(folder_ / name); }

  // Names and bytes of all videos in `folder`, without what is kept beside them.
  std::map<std::string, std::string> videos(const std::string& folder) const {
    std::map<std::string, std::string> found;
    if (!fs::exists(folder_ / folder)) return found;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / folder)) {
      if (entry.path().extension() == ".mp4") found[entry.path().filename()] = test::read_text(entry.path());
    }
    return found;
  }
  std::vector<json> results(const RunResult& result) const {
    std::vector<json> objects;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) objects.push_back(json::parse(line));
    return objects;
  }
  static int count(const std::string& text, const std::string& part) {
    int times = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++times;
    return times;
  }

  test::TempDir folder_;
};

// --- what comes out ---

TEST_F(Batches, GiveTheBytesOfSingleRunsWithOneLoadedModel) {
  write("three.txt", kThree);
  const RunResult batch =
      run(words("three.txt", {"-o", "out/{index}.mp4", "--seed", "5", "--progress", "json", "--json"}));
  ASSERT_EQ(batch.exit_code, 0) << batch.err;
  EXPECT_EQ(count(batch.err, R"("stage":"load text encoder","done":0)"), 1);
  EXPECT_EQ(count(batch.err, R"("stage":"load model","done":0)"), 1);
  const std::vector<json> objects = results(batch);
  ASSERT_EQ(objects.size(), 3U);
  const std::vector<std::string> prompts{"a red ball over a green meadow", "a blue cube over the sea",
                                         "a white star at night"};
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ(objects[i]["index"], i + 1);
    EXPECT_EQ(objects[i]["state"], "made");
    const std::string name = std::to_string(i + 1) + ".mp4";
    const RunResult single = run({"-p", prompts[i], "--threads", "1", "--steps", "2", "--size", "32x32", "--num-frames",
                                  "5", "--guidance-scale", "1", "--seed", "5", "-o", name});
    ASSERT_EQ(single.exit_code, 0) << single.err;
    EXPECT_TRUE(bytes(name) == bytes("out/" + name)) << name;
  }
}

TEST_F(Batches, LinesSayAnythingThatAFlagSays) {
  write("lines.jsonl",
        "{\"prompt\": \"a red ball\", \"seed\": 1, \"num-frames\": 9}\n"
        "{\"prompt\": \"a red ball\", \"seed\": 2, \"size\": \"48x32\", \"scene\": [\"1: a blue cube\"], "
        "\"num-frames\": 13, \"window-frames\": 9, \"overlap-frames\": 5}\n");
  ASSERT_EQ(run(words("lines.jsonl", {"-o", "{seed}.mp4"})).exit_code, 0);
  EXPECT_EQ(test::read_video(folder_ / "1.mp4").frames.size(), 9U);
  const test::Video second = test::read_video(folder_ / "2.mp4");
  EXPECT_EQ(second.frames.size(), 13U);
  EXPECT_EQ(second.frames[0].size(), 48U * 32 * 3);
}

TEST_F(Batches, VariationsOfOnePromptAreABatch) {
  const Words one{"-p", "a red ball", "--threads", "1", "--steps", "2", "--size", "32x32", "--num-frames", "5"};
  const RunResult result = run(one + Words{"--seeds", "3,7", "-o", "v/{seed}.mp4"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(run(one + Words{"--seed", "7", "-o", "7.mp4"}).exit_code, 0);
  EXPECT_EQ(videos("v").size(), 2U);
  EXPECT_TRUE(bytes("v/7.mp4") == bytes("7.mp4"));
  EXPECT_FALSE(bytes("v/7.mp4") == bytes("v/3.mp4"));
}

TEST_F(Batches, EverythingThatIsWrongIsSaidBeforeAnythingIsRendered) {
  write("wrong.jsonl",
        "{\"prompt\": \"a\", \"steps\": 0}\n"
        "{\"prompt\": \"b\"}\n"
        "{\"prompt\": \"c\", \"num-frames\": \"many\"}\n"
        "{\"prompt\": \"d\", \"extend-frames\": 8}\n");
  const RunResult result = run(words("wrong.jsonl"));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("wrong.jsonl:1: steps 0: expected a whole number from 1 to 1000\n"));
  EXPECT_THAT(result.err,
              HasSubstr("wrong.jsonl:3: key \"num-frames\": expected an integer, found \"many\" (a string)\n"));
  EXPECT_THAT(videos("."), IsEmpty());
}

// --- again ---

TEST_F(Batches, TheSameCommandDoesOnlyWhatIsMissing) {
  write("three.txt", kThree);
  const Words command = words("three.txt", {"-o", "out/{slug}.mp4", "--json"});
  ASSERT_EQ(run(command).exit_code, 0);
  const auto first = videos("out");
  ASSERT_EQ(first.size(), 3U);
  const auto states = [&](const Words& again) {
    const RunResult result = run(again);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::map<std::string, std::string> state;
    for (const json& object : results(result))
      state[fs::path(object["output"].get<std::string>()).filename()] = object["state"];
    return state;
  };
  const std::string ball = "a-red-ball-over-a-green-meadow.mp4", cube = "a-blue-cube-over-the-sea.mp4",
                    star = "a-white-star-at-night.mp4";
  EXPECT_EQ(states(command), (std::map<std::string, std::string>{{ball, "there"}, {cube, "there"}, {star, "there"}}));

  // In another order, with another line: what was made stays.
  write("three.txt",
        "a white star at night\na pink gem at sunset\na red ball over a green meadow\na blue cube over the sea\n");
  EXPECT_EQ(states(command),
            (std::map<std::string, std::string>{
                {ball, "there"}, {cube, "there"}, {star, "there"}, {"a-pink-gem-at-sunset.mp4", "made"}}));
  fs::remove(folder_ / "out" / cube);
  EXPECT_EQ(states(command)[cube], "made");
  for (const auto& [name, content] : first) EXPECT_TRUE(bytes("out/" + name) == content) << name;
}

TEST_F(Batches, AVideoThatWasAlteredIsNotReplaced) {
  write("three.txt", kThree);
  const Words command = words("three.txt", {"-o", "out/{index}.mp4"});
  ASSERT_EQ(run(command).exit_code, 0);
  const std::string made = bytes("out/2.mp4");
  write("out/2.mp4", "my own cut");
  const RunResult result = run(command);
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_EQ(
      result.err,
      "sora-gen: error: three.txt:4: out/2.mp4 exists already, and is not what this batch has made of it; --overwrite "
      "replaces it, another --output leaves it\n");
  EXPECT_EQ(bytes("out/2.mp4"), "my own cut");
  ASSERT_EQ(run(command + Words{"--overwrite"}).exit_code, 0);
  EXPECT_TRUE(bytes("out/2.mp4") == made);
}

TEST_F(Batches, OtherSettingsAreOtherJobs) {
  write("three.txt", kThree);
  ASSERT_EQ(run(words("three.txt", {"-o", "out/{index}-{steps}.mp4"})).exit_code, 0);
  write("three.txt", kThree);
  ASSERT_EQ(run(words("three.txt", {"-o", "out/{index}-{steps}-{crf}.mp4"})).exit_code, 2);
  ASSERT_EQ(run(words("three.txt", {"-o", "out/{index}-b.mp4", "--crf", "30"})).exit_code, 0);
  EXPECT_EQ(videos("out").size(), 6U);
}

// --- failures ---

TEST_F(Batches, AJobThatFailsIsSaidAndTheOthersAreMade) {
  write("broken.png", "no picture");
  write("mixed.jsonl",
        "{\"prompt\": \"a red ball\", \"image\": \"broken.png\"}\n"
        "{\"prompt\": \"a blue cube\"}\n"
        "{\"prompt\": \"a star\", \"image\": \"missing.png\"}\n");
  const Words command = words("mixed.jsonl", {"-o", "out/{index}.mp4"});
  const RunResult result = run(command + Words{"--json"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("mixed.jsonl:1: "));
  EXPECT_THAT(result.err, HasSubstr("broken.png"));
  EXPECT_THAT(result.err, HasSubstr("mixed.jsonl:3: "));
  EXPECT_THAT(result.err, HasSubstr("missing.png"));
  EXPECT_EQ(videos("out").size(), 1U);
  const std::vector<json> objects = results(result);
  ASSERT_EQ(objects.size(), 4U) << "one for each video, and the error of the whole";
  EXPECT_EQ(objects.back()["exit"], 3);
}

TEST_F(Batches, WhatFailedIsTriedAgainWhenAsked) {
  // NaN weights fail while sampling, which is noted; with other weights in their place the same command could do it.
  write("one.txt", "a red ball\n");
  fs::copy(fs::path(SORA_SOURCE_DIR) / "models/tiny-world", folder_ / "model", fs::copy_options::recursive);
  const fs::path weights = folder_ / "model/transformer/diffusion_pytorch_model.safetensors";
  const auto time = fs::last_write_time(weights);
  const std::string good = test::read_text(weights);
  std::string bad = good;
  std::fill(bad.end() - 2000, bad.end(), '\xff');
  const auto put = [&](const std::string& content) {
    test::write_file(weights, content);
    fs::last_write_time(weights, time);  // so that it passes for the same model
  };
  put(bad);
  const Words command = words("one.txt", {"-m", "model", "-o", "out/x.mp4"});
  const RunResult failing = run(command);
  EXPECT_EQ(failing.exit_code, 3) << failing.err;
  EXPECT_THAT(failing.err, HasSubstr("one.txt:1: "));
  put(good);
  EXPECT_EQ(run(command).exit_code, 3) << "it is known to fail";
  EXPECT_THAT(videos("out"), IsEmpty());
  EXPECT_EQ(run(command + Words{"--retry-failed"}).exit_code, 0);
  EXPECT_EQ(videos("out").size(), 1U);
  // Touched, it is another model, and its video another one.
  fs::last_write_time(weights, time + std::chrono::hours(1));
  EXPECT_EQ(run(command).exit_code, 5) << "under the name of the first";
}

TEST_F(Batches, StopAtTheFirstFailureWhenAsked) {
  fs::copy(fs::path(SORA_SOURCE_DIR) / "models/tiny-world", folder_ / "model", fs::copy_options::recursive);
  const fs::path weights = folder_ / "model/transformer/diffusion_pytorch_model.safetensors";
  std::string bad = test::read_text(weights);
  std::fill(bad.end() - 2000, bad.end(), '\xff');
  test::write_file(weights, bad);
  write("three.txt", kThree);
  const RunResult all = run(words("three.txt", {"-m", "model", "-o", "a/{index}.mp4"}));
  EXPECT_EQ(count(all.err, "sora-gen: error: three.txt:"), 3) << all.err;
  const RunResult first = run(words("three.txt", {"-m", "model", "-o", "b/{index}.mp4", "--fail-fast"}));
  EXPECT_EQ(first.exit_code, 3);
  EXPECT_EQ(count(first.err, "sora-gen: error: three.txt:"), 1) << first.err;
  EXPECT_THAT(first.err, HasSubstr("2 not begun"));
}

TEST_F(Batches, ASignalStopsThemAndTheSameCommandGoesOn) {
  write("three.txt", kThree);
  const Words command = words("three.txt", {"-o", "out/{index}.mp4", "--steps", "40"});
  Words usual;  // --steps only once
  for (std::size_t i = 0; i < command.size(); ++i) {
    if (command[i] == "--steps" && command[i + 1] == "2")
      ++i;
    else
      usual.push_back(command[i]);
  }
  std::string line = std::string(SORA_BINARY) + " ";
  for (const std::string& word : usual) line += "'" + word + "' ";
  for (const auto& [signal, exit_code] : std::vector<std::pair<std::string, int>>{{"INT", 130}, {"TERM", 143}}) {
    const RunResult result =
        test::run_program({"bash", "-c",
                           line +
                               "--progress json 2> log & pid=$!; until grep -q '\"title\":\"2/3\"' log; do kill -0 "
                               "$pid || break; sleep 0.01; done; kill -" +
                               signal + " $pid; wait $pid"},
                          {.working_directory = folder_.path()});
    EXPECT_EQ(result.exit_code, exit_code);
    EXPECT_THAT(bytes("log"), HasSubstr("the same command goes on"));
    EXPECT_EQ(videos("out").size(), 1U);
    EXPECT_EQ(run(usual).exit_code, 0);
    EXPECT_EQ(videos("out").size(), 3U);
    fs::remove_all(folder_ / "out");
    fs::remove(folder_ / "log");  // else the next round might be taken for begun by what the first one said
  }
}

// --- memory ---

TEST_F(Batches, MemoryDoesNotGrowWithTheJobs) {
  const RunResult result =
      run({"-p", "a red ball", "--threads", "1", "--steps", "1", "--size", "32x32", "--num-frames", "1",
           "--guidance-scale", "1", "--num-videos", "1000", "-o", "null:", "--json", "--quiet"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::vector<json> objects = results(result);
  ASSERT_EQ(objects.size(), 1000U);
  const auto peak = [&](std::size_t job) { return objects[job]["peak_rss_bytes"].get<double>(); };
  EXPECT_LT((peak(999) - peak(99)) / 900, 10 * 1024);
}

// --- again from what was made ---

TEST_F(Batches, AVideoOrItsSidecarMakesItAgain) {
  write("two.jsonl",
        "{\"prompt\": \"a red ball\", \"steps\": 3, \"scene\": [\"1: a blue cube\"], \"num-frames\": 13}\n"
        "{\"prompt\": \"a star\", \"negative-prompt\": \"a cube\", \"guidance-scale\": 2.5}\n");
  ASSERT_EQ(run(words("two.jsonl", {"-o", "out/{index}.mp4"})).exit_code, 0);
  for (const std::string name : {"1", "2"}) {
    for (const std::string& source : {"out/" + name + ".mp4", "out/" + name + ".mp4.json"}) {
      const RunResult again = run({"--from", source, "-o", "again.mp4", "--overwrite"});
      ASSERT_EQ(again.exit_code, 0) << again.err;
      EXPECT_TRUE(bytes("again.mp4") == bytes("out/" + name + ".mp4")) << source;
    }
  }
  // What is said on the command line wins.
  const RunResult other = run({"--from", "out/1.mp4", "--seed", "9", "--steps", "2", "-o", "other.mp4", "--json"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  EXPECT_EQ(results(other)[0]["seed"], 9);
  EXPECT_EQ(results(other)[0]["steps"], 2);
  EXPECT_EQ(results(other)[0]["frames"], 13);
}

TEST_F(Batches, WhatHoldsNoSettingsIsRefused) {
  write("x.json", "{}");
  const RunResult result = run({"--from", "x.json"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(
      result.err,
      "sora-gen: error: --from x.json: holds no settings of sora-gen; expected a video that it made, or the .json "
      "beside it\n");
}

TEST_F(Batches, ASidecarSaysHowAndWith) {
  write("one.txt", "a red ball\n");
  ASSERT_EQ(run(words("one.txt", {"-o", "out/{index}.mp4", "--no-metadata"})).exit_code, 0);
  const json sidecar = json::parse(bytes("out/1.mp4.json"));
  EXPECT_EQ(sidecar["settings"]["prompt"], "a red ball");
  EXPECT_EQ(sidecar["settings"]["steps"], 2);
  EXPECT_EQ(sidecar["result"]["frames"], 5);
  EXPECT_EQ(sidecar["model"]["sha256"]["vae/config.json"].get<std::string>().size(), 64U);
  EXPECT_EQ(bytes("out/1.mp4").find("a red ball"), std::string::npos);
  EXPECT_EQ(run({"--from", "out/1.mp4", "-o", "again.mp4"}).exit_code, 4);
}

// --- many processes ---

TEST_F(Batches, EightProcessesMakeEachVideoOnce) {
  std::string prompts;
  for (int i = 0; i < 50; ++i) prompts += "a red ball number " + std::to_string(i) + "\n";
  write("fifty.txt", prompts);
  const Words command = Words{SORA_BINARY} + words("fifty.txt", {"-o", "out/{index}.mp4", "--quiet"});
  std::string line;
  for (const std::string& word : command) line += "'" + word + "' ";
  // One after the other: those that come late find videos that are made already.
  const RunResult all =
      test::run_program({"bash", "-c",
                         "for i in 1 2 3 4 5 6 7 8; do " + line +
                             " & pids=\"$pids $!\"; sleep 0.4; done; for p in $pids; do wait $p || exit; done"},
                        {.timeout = std::chrono::seconds(300), .working_directory = folder_.path()});
  ASSERT_EQ(all.exit_code, 0) << all.err;
  EXPECT_EQ(count(all.out, "out/"), 50) << "each name is said by the process that made it";
  EXPECT_EQ(videos("out").size(), 50U);
  EXPECT_EQ(count(bytes("out/.sora-gen/journal.jsonl"), "\"state\":\"done\""), 50);
  EXPECT_EQ(count(bytes("out/.sora-gen/journal.jsonl"), "\"state\":\"started\""), 50);
}

// --- a disk that is full ---

TEST_F(Batches, AFullDiskIsExitCode5AndLeavesNothingHalfWritten) {
  write("three.txt", kThree);
  const Words render = Words{SORA_BINARY} + words("three.txt", {"-o", "disk/{index}.mp4", "--quiet"});
  ASSERT_EQ(run(words("three.txt", {"-o", "whole/{index}.mp4"})).exit_code, 0);
  const auto whole = videos("whole");
  fs::create_directory(folder_ / "disk");
  std::string line;
  for (const std::string& word : render) line += "'" + word + "' ";
  // Each size in a mount of its own, which nobody else sees; what is under final names is copied out.
  const std::string script = "mount -t tmpfs -o size=$1k none disk || exit 99; " + line +
                             "; code=$?; mkdir -p copy; cp disk/*.mp4 copy/ 2>/dev/null; "
                             "ls -A disk > names; exit $code";
  int failed = 0, done = 0;
  for (int kilobytes = 4; kilobytes <= 256; kilobytes += 4) {
    fs::remove_all(folder_ / "copy");
    const RunResult result =
        test::run_program({"unshare", "-m", "bash", "-c", script, "bash", std::to_string(kilobytes)},
                          {.working_directory = folder_.path()});
    if (result.exit_code == 99 || result.err.find("unshare") != std::string::npos)
      GTEST_SKIP() << "needs root: " << result.err;
    ASSERT_TRUE(result.exit_code == 0 || result.exit_code == 5) << kilobytes << ": " << result.err;
    ++(result.exit_code == 0 ? done : failed);
    const auto made = videos("copy");
    for (const auto& [name, content] : made) EXPECT_TRUE(content == whole.at(name)) << kilobytes << " " << name;
    EXPECT_TRUE(result.exit_code != 0 || made.size() == 3) << kilobytes;
    EXPECT_EQ(bytes("names").find(".part"), std::string::npos) << kilobytes << "\n" << bytes("names");
  }
  EXPECT_GT(failed, 0);
  EXPECT_GT(done, 0);
}

// --- kills ---

TEST_F(Batches, KilledAHundredTimesEveryVideoIsMadeOnceAndWhole) {
  std::string prompts;
  for (int i = 0; i < 20; ++i) prompts += "a red ball number " + std::to_string(i) + "\n";
  write("twenty.txt", prompts);
  ASSERT_EQ(run(words("twenty.txt", {"-o", "unbroken/{index}.mp4"})).exit_code, 0);
  const auto expected = videos("unbroken");
  ASSERT_EQ(expected.size(), 20U);

  std::mt19937 random(11);
  int kills = 0;
  for (int round = 0; kills < 100; ++round) {
    const std::string out = "out" + std::to_string(round);
    const Words command = Words{SORA_BINARY} + words("twenty.txt", {"-o", out + "/{index}.mp4", "--progress", "json"});
    int exit_code = kKilled;
    while (exit_code == kKilled) {
      ASSERT_LT(kills, 1000) << "no batch comes to its end";
      const int line = static_cast<int>(random() % 60), microseconds = static_cast<int>(random() % 8'000);
      exit_code = test::run_and_kill(command, folder_.path(), [&](int lines) {
        if (lines >= line) usleep(static_cast<useconds_t>(microseconds));
        return lines >= line;
      });
      if (exit_code == kKilled) ++kills;
      for (const auto& [name, content] : videos(out)) EXPECT_TRUE(content == expected.at(name)) << name;
    }
    ASSERT_EQ(exit_code, 0);
    EXPECT_TRUE(videos(out) == expected);
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / out)) {
      const std::string name = entry.path().filename();
      EXPECT_TRUE(name == ".sora-gen" || entry.path().extension() == ".mp4" || entry.path().extension() == ".json")
          << name;
    }
  }
}

}  // namespace
}  // namespace sora
