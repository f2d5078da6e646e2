// The program as a user meets it: whole messages and exit codes. Nothing here reads a weight or loads the engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
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
using test::Words;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

const std::string kTinyWorld = SORA_SOURCE_DIR "/models/tiny-world";

TEST(Help, ListsAllFlags) {
  for (const std::string flag : {"--help", "-h"}) {
    const test::RunResult result = run({flag});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out, test::read_text(test::data("cli/help.txt")));
    EXPECT_EQ(result.err, "");
  }
}

TEST(Help, OfCommands) {
  EXPECT_EQ(run({"inspect", "--help"}).out,
            "usage: sora-gen inspect [MODEL] [--json]\n"
            "\n"
            "Says what a checkpoint is and what it can make, from its configs and headers; no weight is read.\n"
            "MODEL is a diffusers folder, or a hub id in the local Hugging Face cache [tiny-world, shipped].\n"
            "\n"
            "flags:\n"
            "      --json                    print one JSON object\n"
            "  -h, --help                    print this and stop\n");
  EXPECT_EQ(run({"doctor", "-h"}).out,
            "usage: sora-gen doctor [--json]\n"
            "\n"
            "Checks this machine and this installation; exit code 4 if a part that is needed is missing.\n"
            "\n"
            "flags:\n"
            "      --json                    print one JSON object\n"
            "  -h, --help                    print this and stop\n");
}

TEST(Help, OfABareCallIsShortAndAnError) {
  const std::string err = refusal(2, {});
  EXPECT_THAT(
      err, StartsWith("sora-gen: error: no prompt: give --prompt TEXT, or --prompt - to read it from standard input\n"
                      "\n"
                      "usage: sora-gen --prompt TEXT [FLAG ...]\n"));
  EXPECT_THAT(err, HasSubstr("\nexamples:\n"));
}

TEST(Version, IsOneLine) {
  EXPECT_THAT(run({"--version"}).out, testing::MatchesRegex("sora-gen [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Failure, AsJsonHasTheExitCodeAndTheMessage) {
  const test::RunResult result = run({"-p", "x", "--steps", "0", "--json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "{\"exit\":2,\"error\":\"--steps 0: expected a whole number from 1 to 1000\"}\n");
  EXPECT_EQ(result.err, "sora-gen: error: --steps 0: expected a whole number from 1 to 1000\n");
}

TEST(Failure, OfStandardOutputIsNotSilent) {
  const test::RunResult result = test::run_program({"/bin/sh", "-c", SORA_BINARY " --version > /dev/full"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_EQ(result.err, "sora-gen: error: standard output: No space left on device\n");
}

TEST(DryRun, AsJson) {
  const json plan = dry_run({"-p",
                             "a red circle",
                             "-n",
                             "blur",
                             "--seconds",
                             "1",
                             "--fps",
                             "12.5",
                             "--size",
                             "64*96",
                             "--steps",
                             "2",
                             "--seed",
                             "18446744073709551615",
                             "--device",
                             "cpu",
                             "--dtype",
                             "fp32",
                             "--threads",
                             "3",
                             "-o",
                             "md5:",
                             "--max-sequence-length",
                             "8",
                             "--vae-tile-size",
                             "48x48"});
  EXPECT_EQ(plan["exit"], 0);
  EXPECT_EQ(plan["model"], kTinyWorld);
  EXPECT_EQ(plan["prompt"], "a red circle");
  EXPECT_EQ(plan["negative_prompt"], "blur");
  EXPECT_EQ(plan["width"], 64);
  EXPECT_EQ(plan["height"], 96);
  EXPECT_EQ(plan["num_frames"], 13);
  EXPECT_EQ(plan["rendered_frames"], 13);
  EXPECT_EQ(plan["fps"], "25/2");
  EXPECT_EQ(plan["seconds"], 1.04);
  EXPECT_EQ(plan["latents"], (json{1, 16, 4, 12, 8}));
  EXPECT_EQ(plan["windows"], (json::array({{{"first_latent_frame", 0},
                                            {"latent_frames", 4},
                                            {"context", 0},
                                            {"context_after", 0},
                                            {"scene", 0},
                                            {"tokens", 96}}})));
  EXPECT_EQ(plan["shown"], (json{{"first", 0}, {"count", 13}}));
  EXPECT_EQ(plan["given"], json::array());
  EXPECT_EQ(plan["before"], nullptr);
  EXPECT_EQ(plan["after"], nullptr);
  EXPECT_EQ(plan["mask"], nullptr);
  EXPECT_EQ(plan["reference_images"], json::array());
  EXPECT_EQ(plan["conditioning_scale"], json::array());
  EXPECT_EQ(plan["resize"], "crop");
  EXPECT_EQ(plan["scenes"], (json::array({{{"first_latent_frame", 0}, {"prompt", "a red circle"}}})));
  EXPECT_EQ(plan["sampling"],
            (json{{"given", "none"}, {"continuation", "none"}, {"strength", 1.0}, {"forcing", nullptr}}));
  EXPECT_EQ(plan["steps"], 2);
  EXPECT_EQ(plan["guidance"], (json{{"on", true}, {"scale", 4.0}, {"scale_2", 4.0}, {"boundary", nullptr}}));
  EXPECT_EQ(plan["max_sequence_length"], 8);
  EXPECT_EQ(plan["vae_tiling"], (json{{"tile", "48x48"}, {"stride", "32x32"}}));
  EXPECT_EQ(plan["seed"], 18446744073709551615u);
  EXPECT_EQ(plan["seed_drawn"], false);
  EXPECT_EQ(plan["device"], "cpu");
  EXPECT_EQ(plan["dtype"], "fp32");
  EXPECT_EQ(plan["threads"], 3);
  EXPECT_EQ(plan["output"], "md5:");
  EXPECT_EQ(plan["fits"], true);
  for (const char* stage : {"text", "sample", "decode"}) {
    EXPECT_GT(plan["flop"][stage], 0) << stage;
    EXPECT_GT(plan["peak_bytes"][stage], 0) << stage;
  }
}

TEST(DryRun, SaysHowAPlanIsMadeToFit) {
  const json plain = dry_run({"-p", "x", "--device", "cpu"});
  EXPECT_EQ(plain["offload_blocks"], false);
  EXPECT_EQ(plain["fitted_by"], nullptr);
  const json fitting = dry_run({"-p", "x", "--device", "cpu", "--fit"});
  EXPECT_EQ(fitting["fitted_by"], json::array());  // there is memory enough for this one
  EXPECT_EQ(fitting["peak_bytes"], plain["peak_bytes"]);
  const json offloaded = dry_run({"-p", "x", "--device", "cpu", "--offload-blocks"});
  EXPECT_EQ(offloaded["offload_blocks"], true);
  EXPECT_LT(offloaded["peak_bytes"]["sample"], plain["peak_bytes"]["sample"]);
  const std::string text = run({"-p", "x", "--device", "cpu", "--offload-blocks", "--fit", "--dry-run"}).out;
  EXPECT_THAT(text, HasSubstr("blocks     fetched from host memory, one after the other\n"));
  EXPECT_THAT(text, HasSubstr("--fit      nothing to be done\n"));
}

TEST(DryRun, DrawsASeedAndNamesTheOutputAfterIt) {
  const json plan = dry_run({"-p", "x"});
  EXPECT_EQ(plan["seed_drawn"], true);
  EXPECT_EQ(plan["output"], "sora-gen-" + std::to_string(plan["seed"].get<std::uint64_t>()) + ".mp4");
}

TEST(DryRun, AsText) {
  const test::RunResult result = run({"-p", "a \x1b[31mred circle", "--num-frames", "10", "--seed", "7", "--device",
                                      "cpu", "--dtype", "fp32", "--dry-run"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, StartsWith("model      " + kTinyWorld + "\n"));
  EXPECT_THAT(result.out,
              HasSubstr("prompt     \"a \\x1b[31mred circle\"\n"
                        "negative   \"\"\n"
                        "video      128x128, 10 frames at 8 fps, 1.25 s (rendered as 13 frames, the end is trimmed)\n"
                        "latents    16 channels, 4 frames of 16x16\n"
                        "windows    1: latent frames 0 to 3, 256 tokens\n"
                        "sampling   16 steps, guidance scale 4\n"
                        "text       up to 512 tokens\n"
                        "seed       7\n"
                        "device     cpu, fp32\n"
                        "compute    text "));
  EXPECT_THAT(result.out, HasSubstr("\noutput     sora-gen-7.mp4, about 2.0 kB at crf 18, preset medium; "));
  EXPECT_THAT(result.out, HasSubstr("\nfits       "));
}

TEST(DryRun, OfScenesAndWindows) {
  const Words words{"-p", "a ball", "--seconds", "60", "--scene", "20:  a cube", "--scene", "40.5: a star: red"};
  const json plan = dry_run(words);
  EXPECT_EQ(plan["windows"].size(), 18u);
  EXPECT_EQ(plan["sampling"]["continuation"], "clean_prefix");
  EXPECT_EQ(plan["scenes"], (json::array({{{"first_latent_frame", 0}, {"prompt", "a ball"}},
                                          {{"first_latent_frame", 41}, {"prompt", "a cube"}},
                                          {{"first_latent_frame", 82}, {"prompt", "a star: red"}}})));
  Words as_text = words;
  as_text.insert(as_text.end(), {"--dry-run", "--device", "cpu"});
  EXPECT_THAT(
      run(as_text).out,
      HasSubstr("scenes     from latent frame 0 \"a ball\"; from latent frame 41 \"a cube\"; from latent frame 82 \"a "
                "star: red\"\n"
                "video      128x128, 480 frames at 8 fps, 60.00 s (rendered as 481 frames, the end is trimmed)\n"
                "latents    16 channels, 121 frames of 16x16\n"
                "windows    18: latent frames 0 to 8, 576 tokens; latent frames 7 to 15, 576 tokens; ...; latent "
                "frames 112 to "
                "120, 576 tokens; each goes on from clean frames of the one before\n"));
}

TEST(DryRun, OfWindowsThatAreSetByHand) {
  const json plan = dry_run({"-p", "x", "--num-frames", "33", "--window-frames", "17", "--overlap-frames", "9"});
  EXPECT_EQ(plan["windows"].size(), 3u);
  EXPECT_EQ(plan["windows"][1]["context"], 3);
}

TEST(DryRun, OfTextToVideoBeyondItsLengthIsBlended) {
  const std::string model = test::data("models/wan21_t2v");
  const test::RunResult result = run({"-p", "x", "-m", model, "--seconds", "8", "--size", "64x48", "--dry-run"});
  EXPECT_THAT(
      result.out,
      HasSubstr("windows    2: latent frames 0 to 20, 252 tokens; latent frames 12 to 32, 252 tokens; blended, so "
                "the video tends to loop\n"));
}

TEST(DryRun, OfTwoExperts) {
  const json plan =
      dry_run({"-p", "x", "-m", test::data("models/wan22_a14b_t2v").string(), "--size", "64x48", "--num-frames", "1"});
  EXPECT_EQ(plan["guidance"]["boundary"], 875.0);
}

TEST(DryRun, OfAnOutputInAFolderThatIsNotThereYet) {
  const json plan = dry_run({"-p", "x", "-o", "/tmp/sora-not-there/deep/x.mp4"});
  EXPECT_EQ(plan["output"], "/tmp/sora-not-there/deep/x.mp4");
  EXPECT_LT(plan["disk_free_bytes"].get<double>(), 1e17);
  EXPECT_GT(plan["disk_free_bytes"].get<double>(), 0);
}

TEST(DryRun, WritesNothing) {
  const test::TempDir folder;
  test::RunOptions options;
  options.working_directory = folder.path();
  dry_run({"-p", "x"}, options);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Prompt, FromStandardInputLosesOneNewline) {
  test::RunOptions options;
  options.input = "a cat\n\n";
  EXPECT_EQ(dry_run({"--prompt", "-"}, options)["prompt"], "a cat\n");
  options.input = "";
  EXPECT_EQ(refusal(2, {"--prompt", "-"}, options), "sora-gen: error: --prompt is empty\n");
  options.input = std::string("a\0cat", 5);
  EXPECT_EQ(refusal(2, {"--prompt", "-"}, options), "sora-gen: error: --prompt contains a NUL byte: a\\x00cat\n");
  options.input = std::string(100'000, 'a');
  EXPECT_EQ(
      refusal(2, {"--prompt", "-"}, options),
      "sora-gen: error: --prompt is 100000 bytes long; at most 20000 are taken, and the model reads no more than 512 "
      "tokens\n");
}

TEST(Prompt, MayLookLikeAFlag) {
  EXPECT_EQ(dry_run({"--prompt=--steps"})["prompt"], "--steps");
  EXPECT_EQ(dry_run({"--prompt", "-5 degrees"})["prompt"], "-5 degrees");
  EXPECT_EQ(dry_run({"-p", "[a, b]"})["prompt"], "[a, b]");
  EXPECT_EQ(dry_run({"-p", "x", "--negative-prompt="})["negative_prompt"], "");
}

class ConfigFile : public testing::Test {
 protected:
  std::string write(const std::string& text) {
    test::write_file(file_, text);
    return file_;
  }
  std::string error(const std::string& text) {
    const std::string err = refusal(2, {"-p", "x", "--config", write(text)});
    const std::string start = "sora-gen: error: " + file_ + ": ";
    EXPECT_THAT(err, StartsWith(start));
    return err.substr(start.size());
  }

  test::TempDir folder_;
  std::string file_ = folder_ / "my.json";
};

TEST_F(ConfigFile, SetsWhatNoFlagSets) {
  const std::string file = write(R"({"prompt": "from the file", "steps": 3, "seed": 5, "fps": 12.5, "size": "64x64",
                                     "guidance-scale": 2, "overwrite": true, "output": "null:", "num-frames": 5})");
  json plan = dry_run({"--config", file});
  EXPECT_EQ(plan["prompt"], "from the file");
  EXPECT_EQ(plan["steps"], 3);
  EXPECT_EQ(plan["seed"], 5);
  EXPECT_EQ(plan["fps"], "25/2");
  EXPECT_EQ(plan["width"], 64);
  EXPECT_EQ(plan["guidance"]["scale"], 2.0);
  EXPECT_EQ(plan["output"], "null:");
  EXPECT_EQ(plan["num_frames"], 5);

  plan = dry_run({"--config", file, "--steps", "4", "--seconds", "2", "-p", "from the flag"});
  EXPECT_EQ(plan["prompt"], "from the flag");
  EXPECT_EQ(plan["steps"], 4);
  EXPECT_EQ(plan["num_frames"], 25);
}

TEST_F(ConfigFile, ScenesMayBeOneOrSeveralAndAFlagReplacesThem) {
  const auto scenes = [&](const std::string& config, Words words = {}) {
    words.insert(words.end(), {"-p", "x", "--config", write(config)});
    return dry_run(words)["scenes"].size() - 1;
  };
  EXPECT_EQ(scenes(R"({"scene": "1: a"})"), 1u);
  EXPECT_EQ(scenes(R"({"scene": ["1: a", "2: b"]})"), 2u);
  EXPECT_EQ(scenes(R"({"scene": ["1: a", "2: b"]})", {"--scene", "3: c"}), 1u);
  EXPECT_EQ(error(R"({"scene": [1]})"), "key \"scene[0]\": expected a string, found 1\n");
  EXPECT_EQ(error(R"({"scene": ["cat"]})"), "scene cat: expected SECONDS: PROMPT, such as \"2.5: the ball stops\"\n");
  EXPECT_EQ(error(R"({"connect": ["a"]})"), "key \"connect\": expected two strings, found 1\n");
  EXPECT_EQ(error(R"({"reference-image": ["a\u0000b"]})"), "key \"reference-image\": contains a NUL character\n");
}

TEST_F(ConfigFile, FractionsMayBeStrings) {
  EXPECT_EQ(dry_run({"-p", "x", "--config", write(R"({"fps": "24000/1001"})")})["fps"], "24000/1001");
}

TEST_F(ConfigFile, Errors) {
  EXPECT_EQ(
      error(R"({"stepz": 3})"),
      "unknown key \"stepz\" (did you mean \"steps\"?); this version does not know what it changes, so it will not "
      "ignore it\n");
  EXPECT_EQ(error(R"({"steps": 0})"), "steps 0: expected a whole number from 1 to 1000\n");
  EXPECT_EQ(error(R"({"steps": "3"})"), "key \"steps\": expected an integer, found \"3\" (a string)\n");
  EXPECT_EQ(error(R"({"steps": 3.5})"), "key \"steps\": expected an integer, found 3.5\n");
  EXPECT_EQ(error(R"({"overwrite": 1})"), "key \"overwrite\": expected true or false, found 1\n");
  EXPECT_EQ(error(R"({"model": "a\u0000b"})"), "key \"model\": contains a NUL character\n");
  EXPECT_EQ(error(R"({"steps": 3, "steps": 4})"), "key \"steps\" is there twice\n");
  EXPECT_EQ(error("[1]"), "expected an object, found [1] (an array)\n");
  EXPECT_THAT(error("{\"steps\": 3,}"), StartsWith("not valid JSON: "));
}

TEST_F(ConfigFile, ThatIsNotThere) {
  EXPECT_EQ(refusal(2, {"-p", "x", "--config", file_}),
            "sora-gen: error: " + file_ + ": cannot be opened: No such file or directory\n");
}

TEST(Model, ThatIsNotThere) {
  const test::TempDir folder;
  const std::string path = folder.path() / "nowhere";
  EXPECT_EQ(refusal(4, {"-p", "x", "-m", path}),
            "sora-gen: error: model \"" + path +
                "\": there is no such folder; expected a folder with a model_index.json, or a hub id of the form "
                "organisation/name\n");
}

TEST(Model, OfAPipelineThatIsNotSupported) {
  const test::TempDir folder;
  fs::copy(test::data("models/wan21_t2v"), folder / "model", fs::copy_options::recursive);
  std::string index = test::read_text(folder / "model/model_index.json");
  index.replace(index.find("WanPipeline"), 11, "FooPipeline");
  test::write_file(folder / "model/model_index.json", index);
  for (const Words& words : {Words{"-p", "x", "-m"}, Words{"inspect"}}) {
    Words all = words;
    all.push_back(folder / "model");
    const std::string err = refusal(4, all);
    EXPECT_THAT(err, HasSubstr("FooPipeline"));
    EXPECT_THAT(err, HasSubstr("WanPipeline"));
  }
}

TEST(Device, CudaWithoutADriver) {
  if (fs::exists("/proc/driver/nvidia/version")) GTEST_SKIP() << "this machine has a driver";
  EXPECT_EQ(
      refusal(2, {"-p", "x", "--device", "cuda"}),
      "sora-gen: error: --device cuda: this machine has no NVIDIA driver (there is no /proc/driver/nvidia/version); "
      "install one, or give --device cpu\n");
}

TEST(Inspect, AsText) {
  const test::RunResult result = run({"inspect", test::data("models/wan22_a14b_t2v")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              StartsWith("model      " + test::data("models/wan22_a14b_t2v").string() + "\npipeline   WanPipeline\n"));
  EXPECT_THAT(
      result.out,
      HasSubstr("\nlimits     multiples of 16 up to 1024 pixels a side, any length in windows of 81 frames (at most "
                "253), 512 text tokens\nalso can   generate a part of the picture, change a video, make a "
                "video of several windows\n"));
  EXPECT_THAT(result.out, HasSubstr("\ntransformer_2    WanTransformer3DModel "));
  EXPECT_THAT(result.out, HasSubstr("\ntokenizer        T5TokenizerFast\n"));
}

TEST(Inspect, AsJson) {
  const test::RunResult result = run({"inspect", "--json"});  // of the shipped model
  const json object = json::parse(result.out);
  EXPECT_EQ(object["exit"], 0);
  EXPECT_EQ(object["model"], kTinyWorld);
  EXPECT_EQ(object["pipeline"], "WanPipeline");
  EXPECT_EQ(object["defaults"]["size"], "128x128");
  EXPECT_EQ(object["limits"]["size_multiple"], (json{16, 16}));
  for (const json& component : object["components"]) {
    if (component["name"] != "transformer") continue;
    EXPECT_EQ(component["class"], "WanTransformer3DModel");
    EXPECT_EQ(component["types"], json{"BF16"});
    EXPECT_EQ(component["bytes"], 2 * component["parameters"].get<std::int64_t>());
    EXPECT_EQ(component["files"], json{"diffusion_pytorch_model.safetensors"});
    return;
  }
  ADD_FAILURE() << "no transformer in " << result.out;
}

TEST(Inspect, OfABrokenCheckpoint) {
  const test::TempDir folder;
  fs::copy(test::data("models/wan21_t2v"), folder / "model", fs::copy_options::recursive);
  const fs::path weights = folder / "model/vae/diffusion_pytorch_model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) - 1);
  EXPECT_THAT(refusal(4, {"inspect", folder / "model"}), HasSubstr(weights.string()));
}

// The program without the engine beside it.
class WithoutEngine : public testing::Test {
 protected:
  WithoutEngine() { fs::copy_file(SORA_BINARY, program_); }

  test::TempDir folder_;
  std::string program_ = folder_ / "sora-gen";
  const std::string missing_ =
      "cannot load libsora_engine.so, the part of sora-gen that renders: libsora_engine.so: cannot open shared object "
      "file: No such file or directory; run scripts/setup and build again";
};

TEST_F(WithoutEngine, PlansAndDoesNotRender) {
  EXPECT_EQ(test::run_program({program_, "-p", "x", "--dry-run"}).exit_code, 0);
  const test::RunResult result = test::run_program({program_, "-p", "x", "--seed", "1", "-o", folder_ / "x.mp4"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "sora-gen: error: " + missing_ + "\n");
}

TEST(Engine, MemoryThatEndsWhileItLoadsIsExitCode6) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer itself needs more address space";
#endif
  const test::RunResult result =
      test::run_program({"/bin/sh", "-c", "ulimit -v 100000; exec \"$0\" -p x --seed 1 -o x.mp4", SORA_BINARY});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, StartsWith("sora-gen: error: out of memory while libsora_engine.so is loaded: "));
}

TEST_F(WithoutEngine, TheDoctorSaysSo) {
  test::RunResult result = test::run_program({program_, "doctor"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.out, StartsWith("ok       CPU "));
  EXPECT_THAT(result.out, HasSubstr("\nok       shipped model    " + kTinyWorld));
  EXPECT_THAT(result.out, HasSubstr("\nMISSING  engine           " + missing_ + "\n"));

  result = test::run_program({program_, "doctor", "--json"});
  EXPECT_EQ(result.exit_code, 4);
  const json object = json::parse(result.out);
  EXPECT_EQ(object["exit"], 4);
  EXPECT_EQ(object["findings"].back(), (json{{"subject", "engine"}, {"ok", false}, {"text", missing_}}));
}

}  // namespace
}  // namespace sora
