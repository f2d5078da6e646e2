// Prompt files in their three formats, what is refused about them, and the seeds of many videos.
#include "cli/prompt_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <variant>
#include <vector>

#include "base/descriptor.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

using test::error_of;
using testing::ElementsAre;
using Words = std::vector<std::string>;

Generate command(const Words& words) { return std::get<Generate>(parse_command_line(words, {})); }

class PromptFile : public testing::Test {
 protected:
  std::vector<BatchLine> read(const std::string& name, const std::string& text, Words flags = {}) {
    test::write_file(folder_ / name, text);
    flags.insert(flags.end(), {"--prompts", folder_ / name});
    return batch_lines(command(flags));
  }
  // With the folder's name taken out.
  std::string error(const std::string& name, const std::string& text, const Words& flags = {}) {
    std::string message = error_of(Fault::usage, [&] { read(name, text, flags); });
    const std::string folder = folder_.path().string() + "/";
    for (std::size_t at; (at = message.find(folder)) != message.npos;) message.erase(at, folder.size());
    return message;
  }
  static std::vector<std::string> prompts(const std::vector<BatchLine>& lines) {
    std::vector<std::string> all;
    for (const BatchLine& line : lines) all.push_back(line.options.request.prompt);
    return all;
  }
  std::string place(int line, const std::string& name) const {
    return (folder_ / name).string() + ":" + std::to_string(line);
  }

  test::TempDir folder_;
};

TEST_F(PromptFile, TextHasAPromptALine) {
  const auto lines =
      read("a.txt", "\xef\xbb\xbf# animals\r\n a cat \r\n\r\n  # more\n\ta d\xc3\xb6g # 1\nthe last", {"--steps", "3"});
  EXPECT_THAT(prompts(lines), ElementsAre("a cat", "a d\xc3\xb6g # 1", "the last"));
  EXPECT_EQ(lines[1].origin, place(5, "a.txt"));
  EXPECT_EQ(lines[1].index, 2);
  EXPECT_EQ(lines[1].options.request.steps, 3);
  EXPECT_EQ(lines[1].options.request.output.path, "{slug}-{seed}.mp4");
  EXPECT_EQ(lines[1].options.request.output.root, ".");
}

TEST_F(PromptFile, OutputsBringTheirRoots) {
  const auto lines = read("a.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"output\": \"mine/b.mp4\"}",
                          {"-o", "out/{slug}/%d.png"});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].options.request.output.root, "out");
  EXPECT_EQ(lines[1].options.request.output.root, "mine");
}

TEST_F(PromptFile, JsonLinesSayWhatFlagsSay) {
  const auto lines = read("a.jsonl",
                          R"({"prompt": "a cat", "steps": 5, "seconds": 2.5, "size": "64x32", "fps": "24000/1001"}

{"prompt": "a dog", "seed": 18446744073709551615, "scene": ["1: it sits", "2: it stands"], "model": "some/model"}
  {"prompt": "a hen", "image": "hen.png", "connect": ["a.mp4", "b.mp4"], "overwrite": true, "output": "hen.mp4"} )",
                          {"--steps", "3", "--seed", "7"});
  ASSERT_EQ(lines.size(), 3u);
  const Request& cat = lines[0].options.request;
  EXPECT_EQ(cat.steps, 5);
  EXPECT_EQ(cat.seconds, 2.5);
  EXPECT_EQ(cat.size, (PixelSize{64, 32}));
  EXPECT_EQ(cat.fps, (Rational{24000, 1001}));
  EXPECT_EQ(cat.seed, 7u);
  const Request& dog = lines[1].options.request;
  EXPECT_EQ(dog.steps, 3);
  EXPECT_EQ(dog.seed, 18446744073709551615u);
  ASSERT_EQ(dog.scenes.size(), 2u);
  EXPECT_EQ(dog.scenes[1].prompt, "it stands");
  EXPECT_EQ(lines[1].options.model, "some/model");
  EXPECT_EQ(lines[1].options.settings.at("scene").texts, (Words{"1: it sits", "2: it stands"}));
  EXPECT_FALSE(lines[1].options.settings.contains("steps")) << "which is the command's";
  const Request& hen = lines[2].options.request;
  ASSERT_EQ(hen.given.size(), 1u);
  EXPECT_EQ(hen.given[0].flag, "--image");
  EXPECT_EQ(hen.given[0].media, "hen.png");
  EXPECT_EQ(hen.connect->to, "b.mp4");
  EXPECT_TRUE(hen.output.overwrite);
  EXPECT_EQ(hen.output.path, "hen.mp4");
}

TEST_F(PromptFile, ALineWinsOverTheCommandLine) {
  const Words flags{"--scene",     "1: all",  "--scene", "2: of it", "--seconds", "2",
                    "--overwrite", "--seeds", "1,2",     "--image",  "a.png"};
  const auto lines = read("a.jsonl",
                          R"({"prompt": "as it is"}
{"prompt": "other", "scene": "3: one", "num-frames": 9, "overwrite": false, "seed": 5, "image": "b.png"}
{"prompt": "none", "scene": [], "num-videos": 1})",
                          flags);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[1].options.request.scenes.size(), 2u);
  EXPECT_EQ(lines[1].options.request.seed, 2u);
  EXPECT_TRUE(lines[1].options.request.output.overwrite);
  const Request& other = lines[2].options.request;
  ASSERT_EQ(other.scenes.size(), 1u);
  EXPECT_EQ(other.scenes[0].prompt, "one");
  EXPECT_EQ(other.num_frames, 9);
  EXPECT_FALSE(other.seconds);
  EXPECT_FALSE(other.output.overwrite);
  EXPECT_EQ(other.seed, 5u);
  ASSERT_EQ(other.given.size(), 1u);
  EXPECT_EQ(other.given[0].media, "b.png");
  EXPECT_TRUE(lines[3].options.request.scenes.empty());
}

TEST_F(PromptFile, ConfigIsTheBaseOfFlagsAndFlagsOfLines) {
  test::write_file(folder_ / "c.json", R"({"steps": 2, "crf": 20, "fps": 8, "prompt": "not this", "device": "cpu"})");
  const auto lines =
      read("a.jsonl", R"({"prompt": "a cat", "fps": 4})", {"--config", folder_ / "c.json", "--crf", "30"});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].options.request.prompt, "a cat");
  EXPECT_EQ(lines[0].options.request.steps, 2);
  EXPECT_EQ(lines[0].options.request.output.crf, 30);
  EXPECT_EQ(lines[0].options.request.fps, (Rational{4, 1}));
  EXPECT_EQ(lines[0].options.placement.device, DeviceKind::cpu);
}

TEST_F(PromptFile, CsvHasFlagsInItsHeader) {
  const auto lines = read("a.csv",
                          "\xef\xbb\xbfprompt,\"steps\",scene,connect,backward,negative-prompt\r\n"
                          "a cat,3,1: it sits,,,\r\n"
                          "\r\n"
                          "\"a \"\"big\"\" dog,\nin two lines\",,\"[\"\"1: a\"\", \"\"2: b\"\"]\",\"[\"\"a.mp4\"\", "
                          "\"\"b.mp4\"\"]\",true,\"\"\n"
                          "a hen,,,,false,blurry",
                          {"--negative-prompt", "base", "--backward"});
  EXPECT_THAT(prompts(lines), ElementsAre("a cat", "a \"big\" dog,\nin two lines", "a hen"));
  EXPECT_EQ(lines[0].options.request.steps, 3);
  EXPECT_EQ(lines[0].options.request.scenes.size(), 1u);
  EXPECT_EQ(lines[0].options.request.negative_prompt, "base");
  EXPECT_TRUE(lines[0].options.request.backward);
  EXPECT_EQ(lines[1].origin, place(4, "a.csv"));
  EXPECT_FALSE(lines[1].options.request.steps);
  EXPECT_EQ(lines[1].options.request.scenes.size(), 2u);
  EXPECT_EQ(lines[1].options.request.connect->from, "a.mp4");
  EXPECT_EQ(lines[2].origin, place(6, "a.csv"));
  EXPECT_FALSE(lines[2].options.request.backward);
  EXPECT_EQ(lines[2].options.request.negative_prompt, "blurry");
}

TEST_F(PromptFile, AllThatIsWrongIsSaidAtOnce) {
  EXPECT_EQ(error("a.jsonl",
                  R"({"prompt": "a cat", "steps": 0, "fps": "fast"}
{"prompt": "fine"}
{"promt": "a dog"}
{"prompt": "a hen", "device": "cpu", "config": "x.json"}
{"prompt": "a cow",}
{"prompt": "a pig", "steps": "3", "scene": 3}
[1]
{"steps": 3}
{"prompt": "a fox", "seed": 3, "seeds": "1..2"}
{"prompt": "x", "prompt": "y"}
{"prompt": "-"}
{"prompt": "a\u0000b"}
{"prompt": "x", "output": "{slg}.mp4"})"),
            R"(a.jsonl:1: fps fast: expected a number above 0, at most 240, such as 24, 23.976 or 24000/1001
a.jsonl:1: steps 0: expected a whole number from 1 to 1000
a.jsonl:3: unknown key "promt" (did you mean "prompt"?); this version does not know what it changes, so it will not ignore it
a.jsonl:4: "device" is no setting of one video; give --device on the command line
a.jsonl:4: "config" is no setting of one video; give --config on the command line
a.jsonl:5: not valid JSON: parse error at column 20: syntax error while parsing object key - unexpected '}'; expected string literal
a.jsonl:6: key "scene": expected a string, found 3
a.jsonl:6: key "steps": expected an integer, found "3" (a string)
a.jsonl:7: expected an object, found [1] (an array)
a.jsonl:8: has no prompt
a.jsonl:9: --seeds and --seed both say the seed; give one of them
a.jsonl:10: key "prompt" is there twice
a.jsonl:11: prompt -: standard input is read by --prompts -, not by a line
a.jsonl:12: key "prompt": contains a NUL character
a.jsonl:13: output: {slg}.mp4: unknown field {slg} (did you mean {slug}?); the fields are index, slug, seed, width, height, frames, fps, steps, model, and braces themselves are written {{ and }})");
}

TEST_F(PromptFile, AfterTwentyProblemsTheRestIsCounted) {
  std::string text, expected;
  for (int line = 1; line <= 25; ++line) {
    text += "{}\n";
    if (line <= 20) expected += "a.jsonl:" + std::to_string(line) + ": has no prompt\n";
  }
  EXPECT_EQ(error("a.jsonl", text), expected + "... and 5 more");
}

TEST_F(PromptFile, CsvErrors) {
  EXPECT_EQ(error("a.csv", "promt,steps,steps,,device\nx,1,2,3,cpu\n"),
            "a.csv:1: there is no flag \"promt\"; did you mean \"prompt\"?\n"
            "a.csv:1: \"steps\" is there twice\n"
            "a.csv:1: there is no flag \"\"; --help lists all\n"
            "a.csv:1: \"device\" is no setting of one video; give --device on the command line");
  EXPECT_EQ(error("a.csv",
                  "prompt,steps,backward,scene,connect\n"
                  "a,0,yes,[1],a.mp4\n"
                  "b,1\n"
                  ",3,,,\n"
                  "c,,,[\"1: x\",\n"),
            "a.csv:2: backward yes: expected true or false\n"
            "a.csv:2: scene [1]: expected one value, or a JSON array of strings\n"
            "a.csv:2: connect a.mp4: expected a JSON array of two strings, such as [\"a.mp4\", \"b.mp4\"]\n"
            "a.csv:3: has 2 fields, the header has 5\n"
            "a.csv:4: has no prompt\n"
            "a.csv:5: a quote stands in a field that does not begin with one; such a field is written \"...\", its "
            "quotes \"\"");
  EXPECT_EQ(error("a.csv", "prompt\n\"a\nb\n"), "a.csv:2: a quote is not closed");
  EXPECT_EQ(error("a.csv", "prompt\na\n\"b\" c\n"),
            "a.csv:3: a closing quote is followed by more text; a quote in a quoted field is written \"\"");
  EXPECT_EQ(error("a.csv", "prompt,scene\na,\"[\"\"1: x\"\"], \"\"y\"\": 2\"\n"),
            "a.csv:2: scene [\"1: x\"], \"y\": 2: expected one value, or a JSON array of strings");
  EXPECT_EQ(error("a.csv", "prompt\n"), "a.csv: has no prompt");
}

TEST_F(PromptFile, BytesThatAreNoText) {
  EXPECT_EQ(error("a.txt", "fine\n caf\xe9\nalso\xff\xfe\n" + std::string("a\0b", 3) + "\n"),
            "a.txt:2: byte 5 is not valid UTF-8: \\xe9\n"
            "a.txt:3: byte 5 is not valid UTF-8: \\xff\\xfe\n"
            "a.txt:4: byte 2 is a NUL character");
  EXPECT_EQ(error("a.jsonl", "{\"prompt\": \"\xe9\"}"), "a.jsonl:1: byte 13 is not valid UTF-8: \\xe9\"}");
  EXPECT_EQ(error("a.csv", "prompt\na\n\"b\n\xe9\""), "a.csv:3: byte 4 is not valid UTF-8: \\xe9\"");
  EXPECT_EQ(error("a.txt", std::string("\xff\xfe\x61\0", 4)), "a.txt: is UTF-16; save it as UTF-8");
}

TEST_F(PromptFile, NothingToMake) {
  EXPECT_EQ(error("a.txt", "# nothing\n\n"), "a.txt: has no prompt");
  EXPECT_EQ(error("a.jsonl", ""), "a.jsonl: has no prompt");
}

TEST(PromptFileExamples, AreRight) {
  const auto count = [](const std::string& name) {
    return batch_lines(command({"--prompts", SORA_SOURCE_DIR "/configs/examples/" + name})).size();
  };
  EXPECT_EQ(count("prompts.txt"), 4u);
  EXPECT_EQ(count("prompts.jsonl"), 6u);
  EXPECT_EQ(count("prompts.csv"), 3u);
}

TEST_F(PromptFile, TooMuch) {
  EXPECT_EQ(error("a.txt", "short\n" + std::string(100'000'000, 'x') + "\n"),
            "a.txt:2: has 100 MB; a line has at most 1.0 MB (1048576 bytes)");
  EXPECT_EQ(error("a.csv", "prompt\nx\n" + std::string(100'000'000, ',')),
            "a.csv:3: has more than 1.0 MB (1048576 bytes), the most that a record may have");
  std::string many;
  for (int i = 0; i < 1'000'000; ++i) many += "{\n";
  many.insert(0, "{\"prompt\": \"x\"}\n");
  EXPECT_THAT(error("a.jsonl", many), testing::EndsWith("... and 99980 more"));
  many.clear();
  for (int i = 0; i < 1'000'000; ++i) many += "x\n";
  EXPECT_EQ(error("a.txt", many), "a.txt: has more than 100000 lines; give the rest to another run");
  EXPECT_EQ(error("a.txt", "a\nb\nc\n", {"--num-videos", "10000", "--seed", "1"}), "nothing was thrown");
  std::string eleven;
  for (int i = 0; i < 11; ++i) eleven += "x\n";
  EXPECT_EQ(error("a.txt", eleven, {"--num-videos", "10000"}),
            "a.txt:11: with this line there are 110000 videos, at most 100000 are made in one run");
  EXPECT_EQ(error("a.txt", std::string((128 << 20) + 1, '\n')),
            "a.txt: has 134 MB (134217729 bytes), at most 134 MB (134217728 bytes) are accepted");
}

TEST_F(PromptFile, NamesAndContradictions) {
  const auto refused = [](const Words& words) { return error_of(Fault::usage, [&] { batch_lines(command(words)); }); };
  EXPECT_EQ(
      refused({"--prompts", "a.json"}),
      "--prompts a.json: expected the name of a .txt file (a prompt a line), a .jsonl file (a JSON object a line) "
      "or a .csv file (with a header), or - for standard input");
  EXPECT_EQ(refused({"--prompts", "nowhere.txt"}), "nowhere.txt: cannot be opened: No such file or directory");
  EXPECT_EQ(refused({"--prompts", ""}), "--prompts \"\": expected a file name");
  EXPECT_EQ(refused({"--prompts", "a.txt", "-p", "x"}),
            "--prompt and --prompts both say what to make; give one of them");
  EXPECT_EQ(prompts(read("A.TXT", "x")).size(), 1u);
}

TEST_F(PromptFile, MarksOfOrderAndCarriageReturnsInJsonLines) {
  EXPECT_THAT(prompts(read("a.jsonl", "\xef\xbb\xbf{\"prompt\": \"a\"}\r\n\r\n{\"prompt\": \"b\"}\r\n")),
              ElementsAre("a", "b"));
}

TEST_F(PromptFile, StandardInput) {
  const auto piped = [&](const std::string& text) {
    test::write_file(folder_ / "in", text);
    const Descriptor before(dup(STDIN_FILENO)), file(open((folder_ / "in").c_str(), O_RDONLY));
    dup2(file.get(), STDIN_FILENO);
    std::string result;
    const std::string error = error_of(Fault::usage, [&] {
      for (const BatchLine& line : batch_lines(command({"--prompts", "-"}))) {
        result += line.origin + " " + line.options.request.prompt + "\n";
      }
    });
    dup2(before.get(), STDIN_FILENO);
    return error == "nothing was thrown" ? result : error;
  };
  EXPECT_EQ(piped("a cat\n\na dog"), "standard input:1 a cat\nstandard input:3 a dog\n");
  EXPECT_EQ(piped("\n{\"prompt\": \"a cat\"}\n"), "standard input:2 a cat\n");
  EXPECT_EQ(piped("{\"steps\": 0, \"prompt\": \"x\"}"),
            "standard input:1: steps 0: expected a whole number from 1 to 1000");
  EXPECT_EQ(piped(""), "standard input: has no prompt");
  EXPECT_EQ(piped(std::string((128 << 20) + 1, 'x')),
            "--prompts -: standard input has more than 134 MB (134217728 bytes)");
}

TEST(PromptFormatOf, StandardInputShowsByItsFirstByte) {
  EXPECT_EQ(prompt_format_of(" \r\n{\"prompt\": 1}"), PromptFormat::json_lines);
  EXPECT_EQ(prompt_format_of("a {cat}"), PromptFormat::text);
  EXPECT_EQ(prompt_format_of(""), PromptFormat::text);
}

std::vector<std::uint64_t> seeds(const Words& words) {
  std::vector<std::uint64_t> all;
  for (const BatchLine& line : batch_lines(command(words))) all.push_back(line.options.request.seed.value());
  return all;
}

TEST(Variations, HaveTheSeedsThatAreAskedFor) {
  EXPECT_THAT(seeds({"-p", "x", "--seeds", "1..4"}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(seeds({"-p", "x", "--seeds", "9,1..3,18446744073709551615"}),
              ElementsAre(9, 1, 2, 3, 18446744073709551615u));
  EXPECT_THAT(seeds({"-p", "x", "--seed", "7", "--num-videos", "3"}), ElementsAre(7, 8, 9));
  EXPECT_THAT(seeds({"-p", "x", "--seed", "18446744073709551614", "--num-videos", "2"}),
              ElementsAre(18446744073709551614u, 18446744073709551615u));
}

TEST(Variations, AreNumberedAndOfTheirOwn) {
  const std::vector<BatchLine> lines = batch_lines(command({"-p", "x", "--seeds", "5,6"}));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].origin, "--prompt");
  EXPECT_EQ(lines[1].index, 2);
  EXPECT_TRUE(lines[1].options.seeds.empty());
  EXPECT_EQ(lines[1].options.request.output.path, "{slug}-{seed}.mp4");
}

TEST(Variations, ASingleVideoStaysAsItIs) {
  const std::vector<BatchLine> lines = batch_lines(command({"-p", "x", "--num-videos", "1"}));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_FALSE(lines[0].options.request.seed);
  EXPECT_TRUE(lines[0].options.request.output.path.empty());
}

// printf 'a cat\n0' | sha256sum, and so on.
TEST(Variations, SeedsThatNobodyGaveComeFromThePrompt) {
  EXPECT_THAT(seeds({"-p", "a cat", "--num-videos", "2"}), ElementsAre(3834592628u, 781895194u));
  const auto of = [](std::string_view text) {
    std::vector<std::uint64_t> all;
    for (const BatchLine& line : batch_lines(command({"--prompts", "-"}), text, PromptFormat::json_lines, "a")) {
      all.push_back(line.options.request.seed.value());
    }
    return all;
  };
  EXPECT_THAT(of(R"({"prompt": "a cat"})"), ElementsAre(3834592628u));
  EXPECT_THAT(of("{\"prompt\": \"a cat\", \"seed\": 3}\n{\"prompt\": \"a dog\"}\n{\"prompt\": \"a cat\"}"),
              ElementsAre(3, 3643711081u, 781895194u));
}

TEST(Variations, Errors) {
  const auto refused = [](const Words& more) {
    Words words{"-p", "x"};
    words.insert(words.end(), more.begin(), more.end());
    return error_of(Fault::usage, [&] { command(words); });
  };
  const std::string form = "expected seeds such as 1..4 or 1,5,9 or 1..3,7";
  EXPECT_EQ(refused({"--seeds", "1..4", "--seed", "1"}), "--seeds and --seed both say the seed; give one of them");
  EXPECT_EQ(refused({"--seeds", "1..4", "--num-videos", "2"}),
            "--seeds and --num-videos both say how many videos there are; give one of them");
  EXPECT_EQ(refused({"--seeds", ""}), "--seeds \"\": " + form);
  EXPECT_EQ(refused({"--seeds", "1,,2"}), "--seeds 1,,2: " + form);
  EXPECT_EQ(refused({"--seeds", "1..", "--steps", "0"}),
            "--seeds 1..: " + form + "\n--steps 0: expected a whole number from 1 to 1000");
  EXPECT_EQ(refused({"--seeds", "4..1"}), "--seeds 4..1: " + form + "; 4..1 goes backwards");
  EXPECT_EQ(refused({"--seeds", "1,x"}), "--seeds x: expected a whole number from 0 to 18446744073709551615");
  EXPECT_EQ(refused({"--seeds", "1..3,2"}), "--seeds 1..3,2: expected each seed once; 2 is there twice");
  EXPECT_EQ(refused({"--seeds", "0..18446744073709551615"}),
            "--seeds 0..18446744073709551615: expected at most 10000 seeds");
  EXPECT_EQ(refused({"--seeds", "1..10000,20000"}), "--seeds 1..10000,20000: expected at most 10000 seeds");
  EXPECT_EQ(refused({"--num-videos", "0"}), "--num-videos 0: expected a whole number from 1 to 10000");
  EXPECT_EQ(refused({"--seed", "18446744073709551615", "--num-videos", "2"}),
            "--seed 18446744073709551615 --num-videos 2: the seeds would pass 18446744073709551615");
}

}  // namespace
}  // namespace sora
