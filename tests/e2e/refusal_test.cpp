// Prompts that the policy refuses, as a user meets them: exit code 8 and nothing written; in a batch the others go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/files.h"
#include "support/program.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::RunResult;
using test::Words;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A policy of one word, so that the shipped lists may change.
constexpr const char* kPolicy = R"({
  "version": 1, "id": "mine", "languages": ["en"], "common_words": ["a", "red", "ball"],
  "categories": [
    {"id": "violence", "rules": [{"id": "v1", "type": "terms", "terms": ["stab"]}]},
    {"id": "existing_ip", "severity": "warn", "rules": [{"id": "i1", "type": "terms", "terms": ["brandname"]}]}
  ]
})";
constexpr const char* kRefused =
    "sora-gen: refused: the prompt matches policy \"mine\", category \"violence\", rule \"v1\", at bytes 4-8\n";

class Refusal : public testing::Test {
 protected:
  Refusal() { test::write_file(folder_ / "p.json", kPolicy); }

  RunResult run(Words words, const std::string& input = "") const {
    words.insert(words.end(), {"--policy", "p.json"});
    return test::run(words, {.input = input,
                             .env = {{"XDG_CACHE_HOME", cache_.path()}, {"XDG_DATA_HOME", cache_.path()}},
                             .working_directory = folder_.path()});
  }

  // Of small pictures, which are rendered.
  RunResult render(Words words) const {
    words.insert(words.end(),
                 {"--steps", "1", "--size", "32x32", "--num-frames", "1", "--guidance-scale", "1", "--threads", "1"});
    return run(words);
  }

  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      names.insert(entry.path().lexically_relative(folder_.path()));
    }
    names.erase("p.json");
    return names;
  }

  test::TempDir folder_, cache_;
};

TEST_F(Refusal, SaysWhyAndWritesNothing) {
  const RunResult result = run({"-p", "to, stab", "-o", "out/x.mp4"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, kRefused);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(Refusal, IsOneJsonObject) {
  const RunResult result = run({"-p", "to, stab", "-o", "x.mp4", "--json"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_EQ(result.err, kRefused);
  const json object = json::parse(result.out);
  const RunResult policy = run({"policy", "--json"});
  EXPECT_EQ(object,
            json({{"exit", 8},
                  {"error", "the prompt matches policy \"mine\", category \"violence\", rule \"v1\", at bytes 4-8"},
                  {"code", "policy_refused"},
                  {"policy", "mine"},
                  {"policy_sha256", json::parse(policy.out)["policy_sha256"]},
                  {"category", "violence"},
                  {"rule", "v1"},
                  {"severity", "block"},
                  {"text", "the prompt"},
                  {"span", {4, 8}}}));
}

// A clip of ours says what it was made from; that somebody else's policy let it through does not matter here.
TEST_F(Refusal, HoldsForThePromptsOfGivenClips) {
  std::string lax = kPolicy;
  lax.replace(lax.find("stab"), 4, "hack");
  test::write_file(folder_ / "lax.json", lax);
  ASSERT_EQ(test::run({"-p", "to, stab", "-o", "a.mp4", "--steps", "1", "--size", "32x32", "--num-frames", "9",
                       "--policy", "lax.json"},
                      {.working_directory = folder_.path()})
                .exit_code,
            0);
  const RunResult result = run({"-p", "a red ball", "--extend", "a.mp4", "--extend-frames", "4", "-o", "b.mp4"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_EQ(result.err,
            "sora-gen: refused: the prompt of a.mp4 matches policy \"mine\", category \"violence\", rule \"v1\", at "
            "bytes 4-8\n");
}

// What others have written into their files.
TEST_F(Refusal, HoldsForTheCaptionsOfClips) {
  const auto tagged = [&](const char* source, const char* name, const char* tag) {
    const RunResult made = test::run_program(
        {"ffmpeg", "-v", "error", "-i", test::data(source), "-metadata", tag, "-c", "copy", folder_ / name});
    ASSERT_EQ(made.err, "");
  };
  tagged("media/h264.mp4", "clip.mp4", "title=They stab him");
  tagged("media/vp9.webm", "clip.webm", "description=stab");
  tagged("media/h264.mp4", "harmless.mp4", "title=A red ball");
  tagged("media/h264.mp4", "by.mp4", "artist=stab");
  const auto extend = [&](const char* name) {
    return run({"-p", "a red ball", "--extend", name, "--extend-frames", "4", "--dry-run"});
  };
  const RunResult clip = extend("clip.mp4");
  EXPECT_EQ(clip.exit_code, 8);
  EXPECT_EQ(clip.err,
            "sora-gen: refused: the title in clip.mp4 matches policy \"mine\", category \"violence\", rule \"v1\", at "
            "bytes 5-9\n");
  EXPECT_THAT(extend("clip.webm").err, HasSubstr("refused: the description in clip.webm matches"));
  EXPECT_EQ(extend("harmless.mp4").exit_code, 0) << extend("harmless.mp4").err;
  EXPECT_EQ(extend("by.mp4").exit_code, 0);
}

// A JPEG with an EXIF segment of one tag.
std::string with_image_description(const std::string& jpeg, const std::string& text) {
  constexpr std::size_t kStartOfImage = 2, kTextOffset = 26;  // the latter from the TIFF header on
  const auto number = [](std::size_t value, int bytes) {
    std::string little_endian;
    for (int i = 0; i < bytes; ++i) little_endian += static_cast<char>(value >> (8 * i) & 0xff);
    return little_endian;
  };
  const std::string entry = number(0x010e, 2) + number(2, 2) + number(text.size() + 1, 4) + number(kTextOffset, 4);
  const std::string exif = std::string("Exif\0\0II*\0", 10) + number(8, 4) + number(1, 2) + entry + number(0, 4) + text;
  const std::size_t length = 2 + exif.size() + 1;
  std::string segment = "\xff\xe1";
  segment += static_cast<char>(length >> 8);
  segment += static_cast<char>(length & 0xff);
  segment += exif + '\0';
  return std::string(jpeg).insert(kStartOfImage, segment);
}

TEST_F(Refusal, HoldsForTheCaptionsOfPictures) {
  const std::string jpeg = test::read_text(test::data("media/420.jpg"));
  test::write_file(folder_ / "a.jpg", with_image_description(jpeg, "two men who stab"));
  test::write_file(folder_ / "b.jpg", with_image_description(jpeg, "two men who sing"));
  const RunResult result = run({"-p", "a red ball", "--image", "a.jpg", "--dry-run"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_THAT(result.err, HasSubstr("refused: the ImageDescription in a.jpg matches"));
  EXPECT_EQ(run({"-p", "a red ball", "--image", "b.jpg", "--dry-run"}).exit_code, 0);
}

TEST_F(Refusal, HoldsForPlansStandardInputAndScenes) {
  EXPECT_EQ(run({"-p", "to, stab", "--dry-run"}).err, kRefused);
  EXPECT_EQ(run({"-p", "-"}, "to, stab\n").err, kRefused);
  const RunResult scene = run({"-p", "a red ball", "--scene", "1:a ball", "--scene", "2:they stab", "-o", "x.mp4"});
  EXPECT_EQ(scene.exit_code, 8);
  EXPECT_EQ(
      scene.err,
      "sora-gen: refused: the prompt of scene 2 matches policy \"mine\", category \"violence\", rule \"v1\", at bytes "
      "5-9\n");
  EXPECT_THAT(files(), IsEmpty());
}

// What a model is led away from may be anything else.
TEST_F(Refusal, OfANegativePromptIsForSexualMinorsAlone) {
  EXPECT_EQ(run({"-p", "a red ball", "-n", "stab", "--dry-run"}).exit_code, 0);
  const RunResult result = run({"-p", "a red ball", "-n", "underage, nsfw", "--dry-run", "--json"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_EQ(result.err,
            "sora-gen: refused: the negative prompt matches policy \"mine\", category \"sexual_minors\", rule "
            "\"minors.000\"\n");
  EXPECT_FALSE(json::parse(result.out).contains("span"));
}

// Keywords, and no more.
TEST_F(Refusal, ReadsAllScenesTogetherForSexualMinors) {
  const RunResult result = run({"-p", "underage", "--scene", "1:nsfw", "--dry-run"});
  EXPECT_EQ(result.err,
            "sora-gen: refused: the prompt with its scenes matches policy \"mine\", category \"sexual_minors\", rule "
            "\"minors.000\"\n");
}

TEST_F(Refusal, ComesBeforeModelAndEngine) {
  const std::string program = folder_ / "sora-gen";  // with no engine beside it
  fs::copy_file(SORA_BINARY, program);
  const auto start = [&](const Words& words) {
    Words all{program, "--policy", folder_ / "p.json", "-o", folder_ / "x.mp4"};
    all.insert(all.end(), words.begin(), words.end());
    return test::run_program(all);
  };
  EXPECT_EQ(start({"-p", "to, stab", "--image", "none.png", "-m", "none/here"}).err, kRefused);
  EXPECT_EQ(start({"-p", "a ball", "--image", "none.png"}).exit_code, 4);
}

TEST_F(Refusal, MayBeAWarning) {
  const RunResult result = run({"-p", "a brandname", "--dry-run"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err,
              StartsWith("sora-gen: warning: the prompt matches policy \"mine\", category \"existing_ip\", rule "
                         "\"i1\", at bytes 2-11\n"));
}

TEST_F(Refusal, OfOneVideoLetsTheOthersBeMade) {
  test::write_file(folder_ / "p.txt", "a red ball\nto, stab\na blue ball\n");
  const RunResult result = render({"--prompts", "p.txt", "-o", "v/{index}.png", "--json"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err,
              HasSubstr("sora-gen: refused: p.txt:2: the prompt matches policy \"mine\", category \"violence\", "
                        "rule \"v1\", at bytes 4-8\n"));
  EXPECT_THAT(result.err, HasSubstr("1 refused"));
  EXPECT_THAT(result.err, HasSubstr("sora-gen: error: 1 of 3 videos could not be made\n"));
  std::vector<json> objects;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) objects.push_back(json::parse(line));
  ASSERT_EQ(objects.size(), 4);  // the last is the failure of the whole
  EXPECT_EQ(objects[0]["index"], 2);
  EXPECT_EQ(objects[0]["state"], "refused");
  EXPECT_EQ(objects[0]["exit"], 8);
  EXPECT_EQ(objects[0]["code"], "policy_refused");
  EXPECT_EQ(objects[0]["span"], json({4, 8}));
  EXPECT_EQ(objects[1]["state"], "made");
  EXPECT_EQ(objects[2]["state"], "made");
  EXPECT_TRUE(fs::exists(folder_ / "v/1.png"));
  EXPECT_FALSE(fs::exists(folder_ / "v/2.png"));
  EXPECT_TRUE(fs::exists(folder_ / "v/3.png"));
  const std::string journal = test::read_text(folder_ / "v/.sora-gen/journal.jsonl");
  EXPECT_THAT(journal, HasSubstr("\"state\":\"refused\""));

  // It is noted once, and a policy that allows it lets it be made.
  EXPECT_EQ(render({"--prompts", "p.txt", "-o", "v/{index}.png"}).exit_code, 3);
  EXPECT_EQ(test::read_text(folder_ / "v/.sora-gen/journal.jsonl"), journal);
  std::string milder = kPolicy;
  test::write_file(folder_ / "p.json", milder.replace(milder.find("stab"), 4, "else"));
  const RunResult again = render({"--prompts", "p.txt", "-o", "v/{index}.png"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("1 made"));
}

TEST_F(Refusal, OfLinesIsFoundBeforeTheFirstRender) {
  test::write_file(folder_ / "p.jsonl",
                   "{\"prompt\": \"a ball\"}\n{\"prompt\": \"a ball\", \"scene\": [\"1:stab\"]}\n");
  const RunResult result = run({"--prompts", "p.jsonl", "--dry-run"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("refused: p.jsonl:2: the prompt of scene 1 matches"));
  EXPECT_THAT(result.err, HasSubstr("1 of 2 videos are refused"));
  EXPECT_EQ(files(), std::set<std::string>{"p.jsonl"});
}

TEST_F(Refusal, WithoutAPolicyNothingIsMade) {
  fs::remove(folder_ / "p.json");
  const RunResult missing = run({"-p", "a ball", "--dry-run"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("the prompt policy p.json: cannot be opened: No such file or directory"));
  test::write_file(folder_ / "p.json", "{}");
  EXPECT_EQ(run({"-p", "a ball", "--dry-run"}).exit_code, 2);
  EXPECT_EQ(run({"-p", "a ball", "--seeds", "1,2", "--dry-run"}).exit_code, 2);
}

TEST_F(Refusal, IsTheShippedPolicysWithoutAFile) {
  const RunResult result = test::run({"-p", "Mickey Mouse in the snow", "--dry-run"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_THAT(result.err, HasSubstr("category \"existing_ip\""));
  EXPECT_EQ(test::run({"-p", "a mouse in the snow", "--dry-run"}).exit_code, 0);
}

TEST_F(Refusal, PolicyCheckPrintsFindings) {
  const RunResult result = run({"policy", "check", "stab a brandname"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_EQ(result.out,
            "block  violence       v1           bytes 0-4\nwarn   existing_ip    i1           bytes 7-16\n");
  EXPECT_EQ(run({"policy", "check", "underage, nsfw"}).out, "block  sexual_minors  minors.000\n");
  EXPECT_EQ(run({"policy", "check"}, "a ball").out, "nothing found\n");
  EXPECT_EQ(run({"policy", "check", "-", "--json"}, "brandname").exit_code, 0);
  EXPECT_EQ(json::parse(run({"policy", "check", "a stab", "--json"}).out)["findings"],
            json({{{"category", "violence"}, {"rule", "v1"}, {"severity", "block"}, {"span", {2, 6}}}}));
}

TEST_F(Refusal, PolicySaysWhichPolicyHolds) {
  const RunResult result = run({"policy"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("policy     mine\nfile       p.json\nsha256     "));
  EXPECT_THAT(result.out, HasSubstr("\nviolence       block  1 rules\nexisting_ip    warn   1 rules\n"));
}

TEST_F(Refusal, PolicyEvalPrintsFiguresAndNoPrompt) {
  test::write_file(folder_ / "sets/violence.txt", "they stab\nthey tickle\n");
  test::write_file(folder_ / "sets/mixed.txt", "stab\n");
  test::write_file(folder_ / "good.txt", "a red ball\na brandname\n");
  const Words words{"policy", "eval", "--positives", "sets", "--negatives", "good.txt"};
  const RunResult result = run(words);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("clean          mixed             1  100.0 % (20.7-100.0)  -                     100.0 %\n"
                        "clean          violence          2  50.0 % (9.5-90.5)     50.0 % (9.5-90.5)     "
                        "100.0 %\nclean          (negatives)       2  0.0 % (0.0-65.8)\n"));
  EXPECT_THAT(result.out, testing::Not(HasSubstr("tickle")));
  Words as_json = words;
  as_json.insert(as_json.end(), {"--json", "--prevalence", "0.1"});
  const json object = json::parse(run(as_json).out);
  EXPECT_EQ(object["prevalence"], 0.1);
  EXPECT_EQ(object["variants"].size(), 6);
  EXPECT_EQ(object["variants"][0]["positives"][1]["refused"]["hits"], 1);
  EXPECT_EQ(run({"policy", "eval", "--negatives", "good.txt"}).err,
            "sora-gen: error: no --positives: a folder with prompts that should be refused is missing\n");
}

}  // namespace
}  // namespace sora
