// What went wrong, and the exit code that says so: one row a cause. Whatever the cause, nothing is left under an
// output's name that was not there before, and standard output holds no result.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "support/files.h"
#include "support/program.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::Words;
using testing::HasSubstr;

struct Cause {
  std::string name;
  int exit_code = 0;
  Words words;
  std::string says;  // part of the message
  std::function<void(const fs::path&)> prepare = [](const fs::path&) {};
};

const Words kTiny{"-p",           "a red ball", "--steps",          "1", "--size",    "32x32",
                  "--num-frames", "1",          "--guidance-scale", "1", "--threads", "1"};

Words tiny(const Words& more) {
  Words words = kTiny;
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// A copy of the shipped checkpoint in "model", of which `change` alters something.
std::function<void(const fs::path&)> with_model(const std::function<void(const fs::path& model)>& change) {
  return [change](const fs::path& folder) {
    fs::copy(fs::path(SORA_SOURCE_DIR) / "models/tiny-world", folder / "model", fs::copy_options::recursive);
    change(folder / "model");
  };
}

std::function<void(const fs::path&)> with_file(const std::string& name, const std::string& content) {
  return [name, content](const fs::path& folder) { test::write_file(folder / name, content); };
}

void cut_short(const fs::path& file) { fs::resize_file(file, fs::file_size(file) / 2); }

const fs::path kWeights = "transformer/diffusion_pytorch_model.safetensors";

std::vector<Cause> causes() {
  const auto rewrite = [](const fs::path& name, const std::string& from, const std::string& to) {
    return with_model([=](const fs::path& model) {
      std::string text = test::read_text(model / name);
      text.replace(text.find(from), from.size(), to);
      test::write_file(model / name, text);
    });
  };
  const Words of_model = tiny({"-m", "model", "-o", "x.png"});
  return {
      // 2: usage
      {"NoPrompt", 2, {"-o", "x.mp4"}, "no prompt"},
      {"UnknownFlag", 2, {"-p", "x", "--stpes", "3"}, "did you mean --steps?"},
      {"ValueMissing", 2, {"-p", "x", "--steps"}, "--steps: the value is missing"},
      {"FlagTwice", 2, {"-p", "x", "--seed", "1", "--seed", "2"}, "--seed is given 2 times"},
      {"OutOfRange", 2, {"-p", "x", "--steps", "0"}, "--steps 0: expected a whole number from 1 to 1000"},
      {"NoNumber", 2, {"-p", "x", "--guidance-scale", "nan"}, "--guidance-scale nan"},
      {"BadSize", 2, {"-p", "x", "--size", "100x100"}, "--size 100x100"},
      {"BadFps", 2, {"-p", "x", "--fps", "24/0"}, "--fps 24/0"},
      {"Contradiction", 2, {"-p", "x", "-q", "-v"}, "--quiet and --verbose contradict each other"},
      {"TwoLengths", 2, {"-p", "x", "--seconds", "1", "--num-frames", "9"}, "--num-frames"},
      {"OutputOfNoKind", 2, {"-p", "x", "-o", "x.avi"}, "--output 'x.avi'"},
      {"UnknownField", 2, {"-p", "x", "-o", "{sed}.mp4"}, "{sed}"},
      {"MaskWithoutClip", 2, {"-p", "x", "--mask", "m.png"}, "--mask"},
      {"BadScene", 2, {"-p", "x", "--scene", "later: y"}, "--scene"},
      {"UnknownCommand", 2, {"inspct"}, "did you mean inspect?"},
      {"ConfigWithUnknownKey", 2, {"-p", "x", "--config", "c.json"}, "stpes", with_file("c.json", "{\"stpes\": 3}")},
      {"ConfigThatIsNoJson", 2, {"-p", "x", "--config", "c.json"}, "c.json", with_file("c.json", "{")},
      {"PromptFileMissing", 2, {"--prompts", "none.txt"}, "none.txt"},
      {"PromptFileOfNoKind", 2, {"--prompts", "x.doc"}, "x.doc", with_file("x.doc", "a cat\n")},
      {"PromptFileEmpty", 2, {"--prompts", "x.txt"}, "has no prompt", with_file("x.txt", "# nothing\n")},
      {"PromptLineWrong", 2, {"--prompts", "x.jsonl"}, "x.jsonl:1", with_file("x.jsonl", "{\"prompt\": 3}\n")},
      {"PromptNoUtf8", 2, {"--prompts", "x.txt"}, "x.txt:1", with_file("x.txt", "a \xff\n")},
      {"SkillThatIsMissing", 2, {"-p", "x", "--reference-image", "a.png"}, "--reference-image"},
      // 4: a model or an input file
      {"ModelMissing", 4, {"-p", "x", "-m", "none/here"}, "none/here"},
      {"ModelIndexMissing", 4, of_model, "model_index.json",
       with_model([](const fs::path& m) { fs::remove(m / "model_index.json"); })},
      {"PipelineUnknown", 4, of_model, "FooPipeline", rewrite("model_index.json", "WanPipeline", "FooPipeline")},
      {"ConfigKeyUnknown", 4, of_model, "num_heds",
       rewrite("transformer/config.json", "num_attention_heads", "num_heds")},
      {"ConfigNoJson", 4, of_model, "config.json",
       with_model([](const fs::path& m) { test::write_file(m / "vae/config.json", "{"); })},
      {"WeightsMissing", 4, of_model, "transformer", with_model([](const fs::path& m) { fs::remove(m / kWeights); })},
      {"WeightsCutShort", 4, of_model, kWeights.filename(),
       with_model([](const fs::path& m) { cut_short(m / kWeights); })},
      {"WeightsNoSafetensors", 4, of_model, kWeights.filename(),
       with_model([](const fs::path& m) { test::write_file(m / kWeights, "PK\3\4 a zip"); })},
      {"TokenizerBroken", 4, of_model, "spiece.model",
       with_model([](const fs::path& m) { test::write_file(m / "tokenizer/spiece.model", "no model"); })},
      {"ImageMissing", 4, tiny({"--image", "none.png", "-o", "x.png"}), "none.png"},
      {"ImageBroken", 4, tiny({"--image", "a.png", "-o", "x.png"}), "a.png", with_file("a.png", "\x89PNG\r\n\x1a\n")},
      {"ClipIsAPlaylist", 4, tiny({"--extend", "a.mp4", "-o", "x.mp4"}), "a.mp4",
       with_file("a.mp4", "#EXTM3U\nhttp://example.com/a.ts\n")},
      {"FromOfNothing", 4, {"--from", "a.json"}, "a.json", with_file("a.json", "[]")},
      {"FromMissing", 4, {"--from", "none.mp4"}, "none.mp4"},
      // 5: the output
      {"OutputExists", 5, tiny({"-o", "x.png"}), "x.png exists already", with_file("x.png", "mine")},
      {"OutputIsAFolder", 5, tiny({"-o", "x.png", "--overwrite"}), "x.png: is a folder",
       [](const fs::path& f) { fs::create_directory(f / "x.png"); }},
      {"OutputIsALink", 5, tiny({"-o", "x.png", "--overwrite"}), "x.png: is a symbolic link",
       [](const fs::path& f) { fs::create_symlink("y.png", f / "x.png"); }},
      {"FolderIsAFile", 5, tiny({"-o", "a/x.png"}), "a/x.png", with_file("a", "a file")},
      {"NameTooLong", 5, tiny({"-o", std::string(260, 'a') + ".png"}), "at most"},
      {"NowhereToWrite", 5, tiny({"-o", "/proc/x.png"}), "/proc/x.png"},
      {"BatchOutputExists",
       5,
       {"-p", "x", "--seeds", "1,2", "-o", "{seed}.mp4"},
       "2.mp4 exists already",
       with_file("2.mp4", "mine")},
      {"JournalIsALink",
       5,
       {"-p", "x", "--seeds", "1,2", "-o", "{seed}.mp4"},
       ".sora-gen",
       [](const fs::path& f) { fs::create_directory_symlink("elsewhere", f / ".sora-gen"); }},
  };
}

class ExitCodes : public testing::TestWithParam<Cause> {};

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    names.push_back(entry.path().lexically_relative(folder));
  std::sort(names.begin(), names.end());
  return names;
}

TEST_P(ExitCodes, SayWhatWentWrong) {
  const Cause& cause = GetParam();
  const test::TempDir folder;
  cause.prepare(folder.path());
  const auto before = names_in(folder.path());
  const test::RunResult result = test::run(cause.words, {.working_directory = folder.path()});
  EXPECT_EQ(result.exit_code, cause.exit_code) << result.err;
  EXPECT_THAT(result.err, HasSubstr("sora-gen: error: "));
  EXPECT_THAT(result.err, HasSubstr(cause.says));
  EXPECT_EQ(result.out, "");
  std::vector<std::string> after = names_in(folder.path());
  std::erase_if(after, [](const std::string& name) { return name.starts_with(".sora-gen"); });
  std::vector<std::string> expected = before;
  std::erase_if(expected, [](const std::string& name) { return name.starts_with(".sora-gen"); });
  EXPECT_EQ(after, expected);
}

INSTANTIATE_TEST_SUITE_P(Causes, ExitCodes, testing::ValuesIn(causes()),
                         [](const auto& cause) { return cause.param.name; });

}  // namespace
}  // namespace sora
