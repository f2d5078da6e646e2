// The program as a user runs it: a prompt and a checkpoint become files, and the exit code tells the truth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "sora/checkpoint.h"
#include "support/files.h"
#include "support/reference_run.h"
#include "support/video_reader.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::run_program;
using test::RunResult;
using test::TempDir;
using testing::HasSubstr;

using Arguments = std::vector<std::string>;

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

RunResult sora_gen(const Arguments& arguments, const test::RunOptions& options = {}) {
  return run_program(Arguments{SORA_BINARY} + arguments, options);
}

fs::path tiny_model() { return test::data("models/wan21_t2v"); }

// Two steps of a picture the size of a thumb: a second of work.
Arguments tiny(const fs::path& model, const fs::path& output, const std::string& num_frames = "9") {
  return {"--model", model.string(), "--prompt",     "a cat",    "--seed",    "42", "--steps",  "2",
          "--size",  "48x64",        "--num-frames", num_frames, "--threads", "1",  "--output", output.string()};
}

// Names in a folder, hidden ones too: what a failed run has left behind.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  return names;
}

// --- the reference's frames ---

struct ReferenceRun {
  std::string model, name;
};

std::ostream& operator<<(std::ostream& out, const ReferenceRun& run) { return out << run.model << '/' << run.name; }

double psnr(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return sum == 0 ? 200 : 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / sum);
}

class ReferenceFrames : public testing::TestWithParam<ReferenceRun> {};

TEST_P(ReferenceFrames, ComeBackAsPngs) {
  const auto& [model, name] = GetParam();
  const TempDir folder;
  const std::string reference = model + "/" + name;
  fs::create_directory(folder / "given");
  const Arguments arguments{"--model", test::data("models/" + model).string(), "--dtype", "fp32",
                            "-o",      (folder / "made/%05d.png").string()};
  const RunResult result = sora_gen(arguments + test::flags_of_run(reference, folder / "given"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::uint8_t> expected = test::bytes_of_run(reference, "frames_u8_round");
  std::vector<std::uint8_t> frames;
  for (std::size_t i = 1; i <= names_in(folder / "made").size(); ++i) {
    const auto picture = test::read_video(folder / fmt::format("made/{:05}.png", i)).frames.at(0);
    frames.insert(frames.end(), picture.begin(), picture.end());
  }
  ASSERT_EQ(frames.size(), expected.size());
  EXPECT_GE(psnr(frames, expected), 50);
}

INSTANTIATE_TEST_SUITE_P(
    Runs, ReferenceFrames,
    testing::Values(ReferenceRun{"wan21_t2v", "fp32_unipc4"}, ReferenceRun{"wan21_t2v", "fp32_unipc3_nocfg"},
                    ReferenceRun{"wan21_t2v", "fp32_1frame"}, ReferenceRun{"wan21_t2v", "fp32_v2v"},
                    ReferenceRun{"wan22_a14b_t2v", "fp32_unipc4"}, ReferenceRun{"wan22_ti2v", "fp32_t2v_unipc4"},
                    ReferenceRun{"wan22_ti2v", "fp32_i2v_unipc4"}, ReferenceRun{"wan22_ti2v", "fp32_i2v_tiled"},
                    ReferenceRun{"wan21_i2v", "fp32_unipc3"}, ReferenceRun{"wan21_flf2v", "fp32_unipc3"},
                    ReferenceRun{"wan22_a14b_i2v", "fp32_unipc4"}, ReferenceRun{"wan22_a14b_i2v", "fp32_last_image"},
                    ReferenceRun{"wan21_vace", "fp32_t2v"}, ReferenceRun{"wan21_vace", "fp32_flf_mask"},
                    ReferenceRun{"wan21_vace", "fp32_reference"}, ReferenceRun{"skyreels_v2_t2v", "fp32_unipc3"},
                    ReferenceRun{"skyreels_v2_i2v", "fp32_unipc3"}, ReferenceRun{"skyreels_v2_flf2v", "fp32_unipc3"},
                    ReferenceRun{"skyreels_v2_df", "fp32_sync"}, ReferenceRun{"skyreels_v2_df", "fp32_async_block2"},
                    ReferenceRun{"skyreels_v2_df", "fp32_long"}, ReferenceRun{"skyreels_v2_df", "fp32_i2v"},
                    ReferenceRun{"skyreels_v2_df", "fp32_last_image"}),
    [](const auto& test) { return test.param.model + "_" + test.param.name; });

// --- the main job ---

TEST(Video, OfTheShippedCheckpoint) {
  const TempDir folder;
  const RunResult result = sora_gen(
      {"--prompt", "a red ball over a green meadow", "--seconds", "1", "--steps", "4", "-o", "ball.mp4", "--json"},
      {.working_directory = folder.path()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"ball.mp4"});
  const test::Video video = test::read_video(folder / "ball.mp4");
  EXPECT_EQ(video.frames.size(), 8U);
  EXPECT_EQ(video.codec.width, 128);
  EXPECT_EQ(video.codec.height, 128);
  EXPECT_EQ(video.codec.color_space, AVCOL_SPC_BT709);
  JsonObject json(result.out, "stdout", Fault::bug);
  EXPECT_EQ(json.read<int>("exit"), 0);
  EXPECT_EQ(json.read<std::string>("output"), "ball.mp4");
  EXPECT_EQ(json.read<int>("frames"), 8);
  EXPECT_GT(json.read_object("seconds").read<double>("sample"), 0);
}

TEST(Video, SeedDecidesEveryByte) {
  const auto digest = [](const std::string& seed) {
    return sora_gen({"--model", tiny_model().string(), "-p", "a cat", "--steps", "2", "--size", "48x64", "--num-frames",
                     "5", "--seed", seed, "--threads", "1", "-o", "md5:"})
        .out;
  };
  const std::string first = digest("1");
  EXPECT_EQ(first.size(), 33U);  // 32 digits and the end of the line
  EXPECT_EQ(digest("1"), first);
  EXPECT_NE(digest("2"), first);
}

TEST(Video, ALengthBetweenLatentFramesIsTrimmed) {
  const TempDir folder;
  const auto render = [&](const std::string& count, const std::string& name) {
    const RunResult result = sora_gen(tiny(tiny_model(), folder / name / "%d.png", count));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return names_in(folder / name).size();
  };
  EXPECT_EQ(render("9", "whole"), 9U);
  EXPECT_EQ(render("6", "trimmed"), 6U);
  for (int i = 1; i <= 6; ++i) {
    const std::string name = std::to_string(i) + ".png";
    EXPECT_EQ(test::read_text(folder / "trimmed" / name), test::read_text(folder / "whole" / name)) << name;
  }
}

// --- what goes wrong ---

// A copy of the tiny checkpoint, to be broken.
class BrokenModel : public testing::Test {
 protected:
  BrokenModel() { fs::copy(tiny_model(), model(), fs::copy_options::recursive); }
  fs::path model() const { return folder_ / "model"; }
  fs::path shard() const { return model() / "transformer/diffusion_pytorch_model-00002-of-00003.safetensors"; }

  void set_in_config(const std::string& key, const std::string& value) const {
    const fs::path file = model() / "transformer/config.json";
    const std::string text = test::read_text(file), name = "\"" + key + "\": ";
    const auto begin = text.find(name) + name.size();
    test::write_file(file, text.substr(0, begin) + value + text.substr(text.find(',', begin)));
  }

  // Exit 4, a message with all of `parts`, and nothing but the model left in the folder.
  void expect_refused(const std::vector<std::string>& parts) const {
    const RunResult result = sora_gen(tiny(model(), folder_ / "out.mp4"));
    EXPECT_EQ(result.exit_code, 4) << result.err;
    for (const std::string& part : parts) EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_EQ(names_in(folder_.path()), std::vector<std::string>{"model"});
  }

 private:
  TempDir folder_;
};

TEST_F(BrokenModel, MissingShard) {
  fs::remove(shard());
  expect_refused({"diffusion_pytorch_model-00002-of-00003.safetensors"});
}

TEST_F(BrokenModel, TruncatedShard) {
  fs::resize_file(shard(), fs::file_size(shard()) - 1);
  expect_refused({shard().string()});
}

TEST_F(BrokenModel, MalformedConfig) {
  test::write_file(model() / "vae/config.json", "{\"base_dim\": 6,}");
  expect_refused({(model() / "vae/config.json").string()});
}

TEST_F(BrokenModel, ShapeThatDoesNotFitTheConfig) {
  set_in_config("ffn_dim", "96");
  expect_refused({"ffn", "expected", "found"});
}

TEST_F(BrokenModel, LayersThatNobodyTakes) {
  set_in_config("num_layers", "2");
  expect_refused({"blocks.2."});
}

TEST_F(BrokenModel, WeightsThatAreNotNumbersNeverBecomeAVideo) {
  const SafetensorsHeader header = read_safetensors_header(shard());
  std::fstream file(shard(), std::ios::in | std::ios::out | std::ios::binary);
  const float nan = std::nanf("");
  for (const auto& [name, stored] : header.tensors) {
    ASSERT_EQ(stored.type, StoredType::f32) << name;
    file.seekp(stored.begin);
    for (std::int64_t i = stored.begin; i < stored.end; i += 4) file.write(reinterpret_cast<const char*>(&nan), 4);
  }
  file.close();
  expect_refused({"latents are not finite after step 1 of 2"});
}

TEST(Output, AnExistingFileIsRefusedAndKept) {
  const TempDir folder;
  test::write_file(folder / "out.mp4", "mine");
  const RunResult refused = sora_gen(tiny(tiny_model(), folder / "out.mp4"));
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_THAT(refused.err, HasSubstr("exists already; use --overwrite to replace it"));
  EXPECT_EQ(test::read_text(folder / "out.mp4"), "mine");
  EXPECT_EQ(sora_gen(tiny(tiny_model(), folder / "out.mp4") + Arguments{"--overwrite"}).exit_code, 0);
  EXPECT_EQ(test::read_video(folder / "out.mp4").frames.size(), 9U);
}

TEST(Output, AFullDiskIsExitCode5AndLeavesNothing) {
  const TempDir folder;
  // No file may grow past one block: what a full disk looks like to a program that ignores SIGXFSZ, as ours does.
  const Arguments limited{"bash", "-c", "ulimit -f 1; exec \"$0\" \"$@\"", SORA_BINARY};
  const RunResult result = run_program(limited + tiny(tiny_model(), folder / "out.mp4") + Arguments{"--crf", "0"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(Output, AFolderThatCannotBeMadeIsExitCode5) {
  const RunResult result = sora_gen(tiny(tiny_model(), "/proc/nowhere/out.mp4"));
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_THAT(result.err, HasSubstr("/proc/nowhere"));
}

TEST(Memory, TooLittleIsExitCode6) {
  const TempDir folder;
  // One frame of this size takes a gigabyte of address space to decode, everything before it two thirds of that.
  const Arguments limited{"bash", "-c", "ulimit -v 800000; exec \"$0\" \"$@\"", SORA_BINARY};
  const Arguments large{"--model",
                        tiny_model().string(),
                        "-p",
                        "a cat",
                        "--steps",
                        "1",
                        "--guidance-scale",
                        "1",
                        "--size",
                        "1008x1008",
                        "--seed",
                        "5",
                        "--num-frames",
                        "1",
                        "--threads",
                        "1",
                        "-o",
                        (folder / "out.mp4").string()};
  const RunResult result = run_program(limited + large);
  EXPECT_EQ(result.exit_code, 6) << result.err;
  EXPECT_THAT(result.err, HasSubstr("out of memory"));
  // What was sampled is not lost: the same command only decodes it, in smaller tiles than those that failed. (How many
  // of them do before something else finds no memory, differs from run to run.)
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"out.mp4.latents"});
  const RunResult resumed = sora_gen(large + Arguments{"--progress", "json"});
  EXPECT_THAT(resumed.err, HasSubstr("decoding ran out of memory; it goes on in tiles of "));
  EXPECT_THAT(resumed.err, Not(HasSubstr(R"("sample","done":1)")));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"out.mp4"});
}

class Signals : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(Signals, StopAtTheNextStepAndLeaveNothing) {
  const auto [signal, exit_code] = GetParam();
  const TempDir folder;
  // Sends the signal as soon as a step is reported.
  const std::string script =
      "\"$0\" \"$@\" --progress json 2> log & pid=$!\n"
      "until grep -q '\"sample\",\"done\":[1-9]' log; do kill -0 $pid || break; sleep 0.02; done\n"
      "kill -" +
      std::string(signal) + " $pid; wait $pid";
  const RunResult result = run_program(
      {"bash", "-c", script, SORA_BINARY, "-p", "a red ball", "--steps", "500", "--seconds", "4", "-o", "out.mp4"},
      {.working_directory = folder.path()});
  EXPECT_EQ(result.exit_code, exit_code);
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"log"});
  EXPECT_THAT(test::read_text(folder / "log"), HasSubstr(std::string("stopped by SIG") + signal));
}

INSTANTIATE_TEST_SUITE_P(Both, Signals, testing::Values(std::pair{"INT", 130}, std::pair{"TERM", 143}));

}  // namespace
}  // namespace sora
