// sora-gen models and models verify: a cache as huggingface_hub lays it out, with all that can be wrong in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "support/files.h"
#include "support/program.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::run;
using test::Words;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kCommit(40, 'c'), kOther(40, 'd');

class ModelsOfACache : public testing::Test {
 protected:
  // As huggingface_hub does: a blob each, large files by SHA-256 and small ones as git names them.
  fs::path add(const std::string& id, const std::string& model, const std::string& commit = kCommit) const {
    const fs::path repository = cache_ / ("models--" + std::string(id).replace(id.find('/'), 1, "--"));
    const fs::path snapshot = repository / "snapshots" / commit, source = test::data("models/" + model);
    fs::create_directories(repository / "blobs");
    for (const auto& entry : fs::recursive_directory_iterator(source)) {
      if (!entry.is_regular_file()) continue;
      const fs::path name = entry.path().lexically_relative(source);
      const std::string content = test::read_text(entry.path());
      const std::string hash = name.extension() == ".safetensors" ? sha256_hex(content) : git_name(content);
      if (!fs::exists(repository / "blobs" / hash)) test::write_file(repository / "blobs" / hash, content);
      fs::create_directories((snapshot / name).parent_path());
      fs::create_symlink((repository / "blobs" / hash).lexically_relative((snapshot / name).parent_path()),
                         snapshot / name);
    }
    return snapshot;
  }
  fs::path add_main(const std::string& id, const std::string& model) const {
    const fs::path snapshot = add(id, model);
    test::write_file(snapshot / "../../refs/main", kCommit);
    return snapshot;
  }
  static std::string git_name(const std::string& content) {
    Sha1 digest;
    digest.update("blob " + std::to_string(content.size()) + '\0');
    digest.update(content);
    return digest.hex();
  }

  test::RunResult models(Words words) const {
    words.insert(words.begin(), "models");
    return run(words, {.env = {{"HF_HUB_CACHE", cache_.path()}}});
  }
  json as_json(int exit_code, Words words) const {
    words.push_back("--json");
    const test::RunResult result = models(words);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    const json object = json::parse(result.out);
    EXPECT_EQ(object["exit"], exit_code);
    return object["models"];
  }

  test::TempDir cache_;
};

TEST_F(ModelsOfACache, AreListed) {
  add_main("Wan-AI/Wan2.1-T2V-Diffusers", "wan21_t2v");
  add("Wan-AI/Wan2.1-T2V-Diffusers", "wan21_t2v", kOther);
  fs::create_directories(cache_ / "models--bert--base/snapshots" / kCommit);  // is no pipeline
  EXPECT_EQ(models({"--names"}).out,
            "tiny-world\nWan-AI/Wan2.1-T2V-Diffusers\nWan-AI/Wan2.1-T2V-Diffusers@" + kOther + "\n");

  const json list = as_json(0, {});
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0]["name"], "tiny-world");
  EXPECT_EQ(list[0]["shipped"], true);
  EXPECT_EQ(list[0]["problem"], nullptr);
  EXPECT_EQ(list[1]["name"], "Wan-AI/Wan2.1-T2V-Diffusers");
  EXPECT_EQ(list[1]["shipped"], false);
  EXPECT_EQ(list[1]["pipeline"], "WanPipeline");
  EXPECT_EQ(list[1]["types"], json{"F32"});
  EXPECT_EQ(list[1]["also_can"],
            (json{"generate a part of the picture", "change a video", "make a video of several windows"}));
  std::int64_t bytes = 0;
  for (const auto& blob : fs::directory_iterator(cache_ / "models--Wan-AI--Wan2.1-T2V-Diffusers/blobs"))
    bytes += static_cast<std::int64_t>(blob.file_size());
  EXPECT_EQ(list[1]["bytes"], bytes);
}

TEST_F(ModelsOfACache, ThatCannotBeUsedSayWhy) {
  const fs::path partial = add_main("org/partial", "wan21_t2v");
  fs::remove(partial / "transformer/diffusion_pytorch_model-00002-of-00003.safetensors");
  const fs::path strange = add_main("org/strange", "wan22_ti2v");
  std::string index = test::read_text(strange / "model_index.json");
  index.replace(index.find("WanPipeline"), 11, "FooPipeline");
  fs::remove(strange / "model_index.json");
  test::write_file(strange / "model_index.json", index);

  const json list = as_json(0, {});
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[1]["problem"],
            partial.string() +
                ": the model is incomplete; missing: "
                "transformer/diffusion_pytorch_model-00002-of-00003.safetensors. Download it: hf download org/partial "
                "--revision " +
                kCommit);
  EXPECT_EQ(list[1]["family"], nullptr);
  EXPECT_EQ(list[2]["pipeline"], "FooPipeline");
  EXPECT_THAT(list[2]["problem"], HasSubstr("_class_name is \"FooPipeline\""));
  EXPECT_THAT(models({}).out, HasSubstr("\n  cannot be used: " + partial.string() + ": the model is incomplete; "));
}

TEST_F(ModelsOfACache, AsText) {
  const std::string text = models({}).out;
  EXPECT_THAT(text, StartsWith("tiny-world  Wan 2.2 TI2V       15.3 MB  BF16\n  also can start from "));
  EXPECT_THAT(text, HasSubstr("\nno others: the Hugging Face cache " + cache_.path().string() + " has none\n"));
}

TEST_F(ModelsOfACache, AreWhole) {
  add_main("org/whole", "wan21_t2v");
  const test::RunResult result = models({"verify"});
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, testing::MatchesRegex("whole     tiny-world: 11 files, 15.3 MB, as SHA256SUMS has them\n"
                                                "whole     org/whole: [0-9]+ files, [0-9.]+ .B, as the Hugging Face "
                                                "cache has them\n"));
}

TEST_F(ModelsOfACache, OneBitIsExitCode7) {
  const fs::path snapshot = add_main("org/damaged", "wan21_t2v");
  const fs::path file = snapshot / "vae/diffusion_pytorch_model.safetensors";
  std::string content = test::read_text(file);
  const std::string expected = sha256_hex(content);
  content.back() = static_cast<char>(content.back() ^ 1);
  test::write_file(file, content);
  EXPECT_EQ(as_json(7, {"verify", "org/damaged"})[0]["damaged"],
            (json::array({{{"file", "vae/diffusion_pytorch_model.safetensors"},
                           {"expected", expected},
                           {"found", sha256_hex(content)}}})));
  const test::RunResult result = models({"verify", "org/damaged"});
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.out, "DAMAGED   org/damaged: vae/diffusion_pytorch_model.safetensors: its hash is " +
                            sha256_hex(content) + ", expected " + expected +
                            "\nrepair    org/damaged: hf download org/damaged --revision " + kCommit +
                            " --force-download\n");
}

TEST_F(ModelsOfACache, AFileThatIsMissingIsExitCode4AndDamageIsWorse) {
  const fs::path snapshot = add_main("org/holes", "wan21_t2v");
  const fs::path config = fs::canonical(snapshot / "vae/config.json");
  fs::remove(config);
  const json list = as_json(4, {"verify", "org/holes"});
  EXPECT_EQ(list[0]["missing"], json{"vae/config.json"});
  EXPECT_THAT(list[0]["problem"], HasSubstr("missing: vae/config.json"));

  test::write_file(snapshot / "scheduler/scheduler_config.json", "{}");
  EXPECT_EQ(as_json(7, {"verify", "org/holes"})[0]["missing"], json{"vae/config.json"});
}

TEST_F(ModelsOfACache, AShardOfWhichThereIsNotEvenALinkIsMissing) {
  const fs::path snapshot = add_main("org/partial", "wan21_t2v");
  fs::remove(snapshot / "transformer/diffusion_pytorch_model-00002-of-00003.safetensors");
  const json list = as_json(4, {"verify", "org/partial"});
  EXPECT_EQ(list[0]["missing"], json::array());
  EXPECT_THAT(list[0]["problem"], HasSubstr("missing: transformer/diffusion_pytorch_model-00002-of-00003.safetensors"));
}

TEST_F(ModelsOfACache, APlainFolderHasNothingToBeCheckedAgainst) {
  const std::string folder = test::data("models/wan21_t2v");
  const test::RunResult result = models({"verify", folder});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "unchecked " + folder +
                            ": nothing says what its files should be (it is in no Hugging Face cache and has no "
                            "SHA256SUMS)\n");
  EXPECT_EQ(as_json(0, {"verify", folder})[0]["checked_against"], nullptr);
}

TEST_F(ModelsOfACache, WhatIsNotThereIsNoModel) {
  EXPECT_EQ(
      test::refusal(4, {"models", "verify", "nowhere"}),
      "sora-gen: error: model \"nowhere\": there is no such folder; expected a folder with a model_index.json, or "
      "a hub id of the form organisation/name\n");
}

TEST(ShippedModel, HasAName) {
  EXPECT_EQ(test::dry_run({"-p", "x", "-m", "tiny-world"})["model"], SORA_SOURCE_DIR "/models/tiny-world");
}

TEST(ModelsCommand, ThatIsMisspelt) {
  EXPECT_EQ(test::refusal(2, {"models", "verfy"}), "sora-gen: error: unknown command verfy; did you mean verify?\n");
  EXPECT_EQ(test::refusal(2, {"model"}), "sora-gen: error: unknown command model; did you mean models?\n");
  EXPECT_EQ(test::refusal(2, {"models", "x"}),
            "sora-gen: error: unexpected argument x; sora-gen models --help says what it takes\n");
}

}  // namespace
}  // namespace sora
