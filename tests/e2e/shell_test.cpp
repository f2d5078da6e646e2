// Manners of a shell: variables and files that set flags, colour, the manual page, and completion in real shells.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/files.h"
#include "support/program.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::dry_run;
using test::refusal;
using test::run;
using test::run_program;
using test::Words;
using testing::HasSubstr;

test::RunOptions with(std::map<std::string, std::string> variables) { return {.env = std::move(variables)}; }

std::string refusal_of(std::map<std::string, std::string> variables, Words words = {"-p", "x"}) {
  const std::string err = refusal(2, words, with(std::move(variables)));
  const std::string start = "sora-gen: error: ";
  EXPECT_EQ(err.substr(0, start.size()), start);
  return err.substr(start.size());
}

TEST(Variables, SetFlags) {
  const json plan = dry_run({}, with({{"SORA_GEN_PROMPT", "a red circle"},
                                      {"SORA_GEN_STEPS", "3"},
                                      {"SORA_GEN_VAE_TILE_SIZE", "48x48"},
                                      {"SORA_GEN_FPS", "24000/1001"},
                                      {"SORA_GEN_SCENE", "1: a cube\n2: a star\n"},
                                      {"SORA_GEN_NUM_FRAMES", "97"},
                                      {"SORA_GEN_NEGATIVE_PROMPT", ""},
                                      {"SORA_GEN_OVERWRITE", "yes"},
                                      {"SORA_GEN_VERBOSE", "0"}}));
  EXPECT_EQ(plan["prompt"], "a red circle");
  EXPECT_EQ(plan["steps"], 3);
  EXPECT_EQ(plan["vae_tiling"]["tile"], "48x48");
  EXPECT_EQ(plan["fps"], "24000/1001");
  EXPECT_EQ(plan["scenes"].size(), 3u);
  EXPECT_EQ(plan["scenes"][2]["prompt"], "a star");
}

TEST(Variables, Errors) {
  EXPECT_EQ(refusal_of({{"SORA_GEN_STEPS", "0"}}), "SORA_GEN_STEPS 0: expected a whole number from 1 to 1000\n");
  EXPECT_EQ(refusal_of({{"SORA_GEN_STEPS", ""}}), "SORA_GEN_STEPS \"\": expected a whole number from 1 to 1000\n");
  EXPECT_EQ(refusal_of({{"SORA_GEN_OVERWRITE", "maybe"}}),
            "SORA_GEN_OVERWRITE maybe: expected 1, true, yes or on, or 0, false, no or off\n");
  EXPECT_EQ(refusal_of({{"SORA_GEN_KEEP_GIVEN", "1"}}), "SORA_GEN_KEEP_GIVEN 1: expected one of auto, yes, no\n");
  EXPECT_EQ(refusal_of({{"SORA_GEN_CONNECT", "a.mp4"}}), "SORA_GEN_CONNECT a.mp4: expected two lines, a value each\n");
  EXPECT_EQ(refusal_of({{"SORA_GEN_STEPZ", "3"}}),
            "SORA_GEN_STEPZ: no flag has this variable; did you mean SORA_GEN_STEPS?\n");
  EXPECT_EQ(refusal_of({{"SORA_GEN_QQQQQQQQQ", "3"}}),
            "SORA_GEN_QQQQQQQQQ: no flag has this variable; --help lists the flags, and --num-frames is "
            "SORA_GEN_NUM_FRAMES\n");
  EXPECT_EQ(refusal_of({{"SORA_GEN_CONFIG", "a.json"}}),
            "SORA_GEN_CONFIG: --config is taken on the command line alone; unset the variable\n");
  EXPECT_EQ(refusal_of({{"SORA_GEN_STEPZ", "3"}}, {"doctor"}),
            "SORA_GEN_STEPZ: no flag has this variable; did you mean SORA_GEN_STEPS?\n");
}

TEST(Variables, AreCheckedWhereTheCommandLineWins) {
  EXPECT_EQ(dry_run({"-p", "x", "--steps", "4"}, with({{"SORA_GEN_STEPS", "3"}}))["steps"], 4);
  EXPECT_EQ(refusal_of({{"SORA_GEN_STEPS", "0"}}, {"-p", "x", "--steps", "4"}),
            "SORA_GEN_STEPS 0: expected a whole number from 1 to 1000\n");
}

TEST(Variables, OfOneQuestionTheHighestAnswerHolds) {
  EXPECT_EQ(dry_run({"-p", "x", "--num-frames", "9"}, with({{"SORA_GEN_SECONDS", "60"}}))["num_frames"], 9);
  EXPECT_EQ(run({"-p", "x", "--quiet", "--dry-run"}, with({{"SORA_GEN_VERBOSE", "1"}})).exit_code, 0);
  EXPECT_EQ(
      dry_run({"-p", "x", "--num-frames", "97", "--scene", "1: a"}, with({{"SORA_GEN_SCENE", "1: b\n2: c"}}))["scenes"]
          .size(),
      2u);
}

TEST(Variables, HoldForEveryCommandThatHasTheFlag) {
  EXPECT_EQ(json::parse(run({"inspect"}, with({{"SORA_GEN_JSON", "1"}, {"SORA_GEN_STEPS", "3"}})).out)["exit"], 0);
  const test::RunResult failed = run({"-p", "x", "--steps", "0"}, with({{"SORA_GEN_JSON", "on"}}));
  EXPECT_EQ(json::parse(failed.out)["exit"], 2);
}

TEST(Variables, DoNotStopHelpVersionAndWhatIsGenerated) {
  for (const Words& words : {Words{"--help"}, Words{"--version"}, Words{"inspect", "-h"}, Words{"--generate", "man"}})
    EXPECT_EQ(run(words, with({{"SORA_GEN_STEPZ", "3"}})).exit_code, 0);
}

// $XDG_CONFIG_HOME/sora-gen/config.json.
class OwnFile : public testing::Test {
 protected:
  void write(const std::string& text) { test::write_file(file_, text); }
  test::RunOptions here(std::map<std::string, std::string> variables = {}) const {
    variables["XDG_CONFIG_HOME"] = folder_.path();
    return with(std::move(variables));
  }

  test::TempDir folder_;
  std::string file_ = folder_ / "sora-gen/config.json";
};

TEST_F(OwnFile, IsReadIfItIsThere) {
  EXPECT_EQ(dry_run({"-p", "x"}, here())["steps"], 16);
  write(R"({"steps": 3, "crf": 20})");
  EXPECT_EQ(dry_run({"-p", "x"}, here())["steps"], 3);
  EXPECT_EQ(dry_run({"-p", "x", "--config", "none"}, here())["steps"], 16);
}

TEST_F(OwnFile, LiesInHomeWhereNothingElseIsSaid) {
  test::write_file(folder_ / ".config/sora-gen/config.json", R"({"steps": 3})");
  EXPECT_EQ(dry_run({"-p", "x"}, with({{"HOME", folder_.path()}, {"XDG_CONFIG_HOME", ""}}))["steps"], 3);
}

TEST_F(OwnFile, EachSourceWinsOverTheNext) {
  const std::string named = folder_ / "named.json";
  write(R"({"steps": 2, "crf": 1, "verbose": true})");
  test::write_file(named, R"({"steps": 4})");
  EXPECT_EQ(dry_run({"-p", "x", "--steps", "5", "--config", named}, here({{"SORA_GEN_STEPS", "3"}}))["steps"], 5);
  EXPECT_EQ(dry_run({"-p", "x", "--config", named}, here({{"SORA_GEN_STEPS", "3"}}))["steps"], 4);
  EXPECT_EQ(dry_run({"-p", "x"}, here({{"SORA_GEN_STEPS", "3"}}))["steps"], 3);
  EXPECT_EQ(dry_run({"-p", "x"}, here())["steps"], 2);
  EXPECT_EQ(dry_run({"-p", "x", "--quiet"}, here())["steps"], 2);  // not "contradict each other"
}

TEST_F(OwnFile, IsAsStrictAsAnyOther) {
  write(R"({"stepz": 3})");
  EXPECT_EQ(refusal(2, {"-p", "x"}, here()),
            "sora-gen: error: " + file_ +
                ": unknown key \"stepz\" (did you mean \"steps\"?); this version does not know what it changes, so it "
                "will not ignore it\n");
  write(R"({"steps": 0})");
  EXPECT_EQ(refusal(2, {"-p", "x", "--steps", "3"}, here()),
            "sora-gen: error: " + file_ + ": steps 0: expected a whole number from 1 to 1000\n");
  fs::remove(file_);
  fs::create_directory(file_);
  EXPECT_EQ(refusal(2, {"-p", "x"}, here()), "sora-gen: error: " + file_ + ": is a folder, expected a regular file\n");
}

// Standard output and error of a command whose terminal is a real one.
std::string on_terminal(std::map<std::string, std::string> variables) {
  return run_program({"script", "-qec", SORA_BINARY " -p x --steps 0", "/dev/null"}, with(std::move(variables))).out;
}

TEST(Colour, IsForTerminalsAlone) {
  const std::string plain = "sora-gen: error: --steps 0: expected a whole number from 1 to 1000";
  const std::string red = "sora-gen: \x1b[31m\x1b[1merror\x1b[m: --steps 0: expected a whole number from 1 to 1000";
  const Words words{"-p", "x", "--steps", "0"};
  EXPECT_EQ(run(words).err, plain + "\n");
  EXPECT_EQ(run(words, with({{"CLICOLOR_FORCE", "1"}})).err, red + "\n");
  EXPECT_EQ(run(words, with({{"CLICOLOR_FORCE", "1"}, {"NO_COLOR", "1"}})).err, plain + "\n");
  EXPECT_EQ(on_terminal({{"TERM", "xterm"}}), red + "\r\n");
  EXPECT_EQ(on_terminal({{"TERM", "xterm"}, {"NO_COLOR", "1"}}), plain + "\r\n");
  EXPECT_EQ(on_terminal({{"TERM", "dumb"}}), plain + "\r\n");
}

bool installed(const std::string& program) {
  return run_program({"/bin/sh", "-c", "command -v " + program}).exit_code == 0;
}

// Scripts that --generate prints, in a folder with a few files, and the program in the PATH.
class Generated : public testing::Test {
 protected:
  Generated() {
    for (const std::string kind : {"man", "complete-bash", "complete-zsh", "complete-fish"})
      test::write_file(folder_ / kind, run({"--generate", kind}).out);
    for (const char* file : {"work/cat one.png", "work/cats.mp4", "work/cave/x"}) test::write_file(folder_ / file, "");
  }

  // The lines that `script` prints, sorted.
  std::vector<std::string> lines_of(const Words& argv) const {
    const std::string path = fs::path(SORA_BINARY).parent_path().string() + ":" + std::getenv("PATH");
    const test::RunResult result =
        run_program(argv, {.env = {{"PATH", path},
                                   {"HF_HUB_CACHE", "/nonexistent"},
                                   {"HOME", folder_.path()},
                                   {"XDG_CONFIG_HOME", folder_ / "config"},  // where fish keeps what it has seen
                                   {"TERM", "dumb"}},
                           .working_directory = folder_ / "work"});
    EXPECT_EQ(result.err, "");
    std::istringstream out(result.out);
    std::vector<std::string> lines;
    for (std::string line; std::getline(out, line);) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  test::TempDir folder_;
};

// mandoc prints bold as a letter over itself.
std::string struck_once(const std::string& page) {
  std::string text;
  for (const char letter : page) {
    if (letter == '\b')
      text.pop_back();
    else
      text += letter;
  }
  return text;
}

TEST_F(Generated, ManualPageHasNoLint) {
  if (!installed("mandoc")) GTEST_SKIP() << "mandoc is not installed";
  const test::RunResult lint = run_program({"mandoc", "-Tlint", folder_ / "man"});
  EXPECT_EQ(lint.out, "");
  EXPECT_EQ(lint.exit_code, 0);
  const std::string page = struck_once(run_program({"mandoc", "-Tascii", "-Owidth=200", folder_ / "man"}).out);
  for (const std::string word : {"--vae-tile-stride", "sora-gen models verify [MODEL ...] [--json]", "NO_COLOR",
                                 "sora-gen --prompt \"a red circle moves to the right\" -o circle.mp4"})
    EXPECT_THAT(page, HasSubstr(word));
}

struct Completion {
  Words typed;  // the last word is being typed
  std::vector<std::string> offered;
};

// What all shells offer.
const std::vector<Completion>& completions() {
  static const std::vector<Completion> all{
      {{"--dev"}, {"--device"}},
      {{"--device", ""}, {"auto", "cpu", "cuda"}},
      {{"--dtype", "b"}, {"bf16"}},
      {{"--preset", "ultra"}, {"ultrafast"}},
      {{"--steps", ""}, {}},
      {{"-p", "x", "ins"}, {}},
      {{"ins"}, {"inspect"}},
      {{"models", "v"}, {"verify"}},
      {{"models", "--n"}, {"--names"}},
      {{"models", "verify", "--j"}, {"--json"}},
      {{"doctor", "--j"}, {"--json"}},
      {{"-m", "tiny"}, {"tiny-world"}},
      {{"inspect", "tiny"}, {"tiny-world"}},
      {{"-o", "x.mp4", "--image", "cats"}, {"cats.mp4"}},
      {{"--connect", "cats.mp4", "cats"}, {"cats.mp4"}},
  };
  return all;
}

std::string joined(const Words& words) {
  std::string text = "sora-gen";
  for (const std::string& word : words) text += ' ' + word;
  return text;
}

TEST_F(Generated, CompletionOfBash) {
  if (!installed("bash")) GTEST_SKIP() << "bash is not installed";
  // As bash calls it; COMPREPLY is what it would offer.
  const std::string script = "source " + (folder_ / "complete-bash").string() +
                             "; COMP_WORDS=(\"$@\"); COMP_CWORD=$(( $# - 1 )); __sora_gen; "
                             "(( ${#COMPREPLY[@]} == 0 )) || printf '%s\\n' \"${COMPREPLY[@]}\"";
  const auto offered = [&](Words words) {
    words.insert(words.begin(), {"bash", "--norc", "-c", script, "bash", "sora-gen"});
    return lines_of(words);
  };
  for (const Completion& each : completions()) EXPECT_EQ(offered(each.typed), each.offered) << joined(each.typed);
  EXPECT_EQ(offered({"--dtype", "=", "b"}), Words{"bf16"});  // the words of --dtype=b
  EXPECT_EQ(offered({"--dtype", "="}), (Words{"auto", "bf16", "fp32"}));
  EXPECT_EQ(offered({"--image", "ca"}), (Words{"cat one.png", "cats.mp4", "cave"}));
}

TEST_F(Generated, CompletionOfFish) {
  if (!installed("fish")) GTEST_SKIP() << "fish is not installed";
  const auto offered = [&](const std::string& line) {
    Words lines = lines_of({"fish", "--no-config", "-c",
                            "source " + (folder_ / "complete-fish").string() + "; complete -C '" + line + "'"});
    for (std::string& each : lines) each = each.substr(0, each.find('\t'));
    return lines;
  };
  for (const Completion& each : completions())
    EXPECT_EQ(offered(joined(each.typed)), each.offered) << joined(each.typed);
  EXPECT_EQ(offered("sora-gen --dtype=b"), Words{"--dtype=bf16"});
  EXPECT_EQ(offered("sora-gen --image ca"), (Words{"cat one.png", "cats.mp4", "cave/"}));
}

TEST_F(Generated, CompletionOfZsh) {
  if (!installed("zsh")) GTEST_SKIP() << "zsh is not installed";
  const test::TempDir functions;
  fs::copy_file(folder_ / "complete-zsh", functions / "_sora-gen");
  const auto offered = [&](const std::string& line) {
    return lines_of({"zsh", "-f", test::data("cli/offered.zsh"), functions.path(), line});
  };
  for (const Completion& each : completions())
    EXPECT_EQ(offered(joined(each.typed)), each.offered) << joined(each.typed);
  EXPECT_EQ(offered("sora-gen --dtype=b"), Words{"bf16"});
  EXPECT_EQ(offered("sora-gen --image ca"), (Words{"cat\\ one.png", "cats.mp4", "cave"}));
}

}  // namespace
}  // namespace sora
