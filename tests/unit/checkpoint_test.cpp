// Checkpoint: what a model's folder must hold; find_checkpoint: hub ids in the local cache.
#include "sora/checkpoint.h"

#include <gmock/gmock.h>

#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// One F32 value "a", or other text in place of its header.
std::string safetensors(const std::string& header = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})") {
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  return length + header + std::string(4, '\0');
}

// A folder with all files of a small model.
class ModelFolder : public ::testing::Test {
 protected:
  ModelFolder() {
    write("model_index.json",
          R"({"_class_name": "SomePipeline", "_diffusers_version": "0.42.1", "boundary_ratio": 0.5, "expand": true,
        "scheduler": ["diffusers", "SomeScheduler"], "text_encoder": ["transformers", "SomeEncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"], "transformer": ["diffusers", "SomeTransformer"],
        "transformer_2": [null, null]})");
    write("scheduler/scheduler_config.json",
          R"({"_class_name": "SomeScheduler", "_diffusers_version": "0", "shift": 3.0})");
    write("text_encoder/config.json",
          R"({"architectures": ["SomeEncoderModel"], "torch_dtype": "float32", "dtype": "float32",
        "transformers_version": "5", "_name_or_path": "x", "d_model": 8})");
    write("text_encoder/model.safetensors", safetensors());
    write("tokenizer/spiece.model", "pieces");
    write("tokenizer/tokenizer_config.json", "{}");
    write("transformer/config.json",
          R"({"_class_name": "SomeTransformer", "_diffusers_version": "0", "num_layers": 1})");
    write("transformer/diffusion_pytorch_model.safetensors", safetensors());
  }

  fs::path folder() const { return temp_ / "model"; }
  void write(const std::string& name, std::string_view content) { test::write_file(folder() / name, content); }
  void remove(const std::string& name) { fs::remove_all(folder() / name); }
  // The message of opening it, without the folder in front.
  std::string open_error() const {
    const std::string text = error_of(Fault::input, [&] { Checkpoint checkpoint(folder()); });
    return text.starts_with(folder().string()) ? text.substr(folder().string().size()) : text;
  }
  std::string download() const {
    return "Download it: hf download <organisation/name> --local-dir " + folder().string();
  }

  test::TempDir temp_;
};

TEST_F(ModelFolder, Opens) {
  const Checkpoint checkpoint(folder());
  EXPECT_EQ(checkpoint.folder(), folder());
  EXPECT_EQ(checkpoint.pipeline(), "SomePipeline");
  EXPECT_THAT(checkpoint.components(),
              UnorderedElementsAre(Pair("scheduler", "SomeScheduler"), Pair("text_encoder", "SomeEncoderModel"),
                                   Pair("tokenizer", "T5TokenizerFast"), Pair("transformer", "SomeTransformer")));
  EXPECT_EQ(checkpoint.component_class("transformer"), "SomeTransformer");
  EXPECT_EQ(checkpoint.component_class("transformer_2"), "");
  EXPECT_EQ(checkpoint.component_class("absent"), "");
  EXPECT_EQ(checkpoint.file("tokenizer", "spiece.model"), folder() / "tokenizer/spiece.model");
  EXPECT_EQ(checkpoint.file("tokenizer", ""), folder() / "tokenizer");
  EXPECT_EQ(checkpoint.headers("text_encoder").at(0).file, folder() / "text_encoder/model.safetensors");
  EXPECT_EQ(checkpoint.headers("transformer").at(0).file, folder() / "transformer/diffusion_pytorch_model.safetensors");
}

TEST_F(ModelFolder, ConfigsAndSettingsComeWithoutBookkeeping) {
  const Checkpoint checkpoint(folder());
  JsonObject settings = checkpoint.settings();
  EXPECT_EQ(settings.read<double>("boundary_ratio"), 0.5);
  EXPECT_TRUE(settings.read<bool>("expand"));
  settings.finish();
  JsonObject scheduler = checkpoint.config("scheduler");
  EXPECT_EQ(scheduler.read<double>("shift"), 3.0);
  scheduler.finish();
  JsonObject text_encoder = checkpoint.config("text_encoder");
  EXPECT_EQ(text_encoder.read<int>("d_model"), 8);
  text_encoder.finish();
  EXPECT_EQ(error_of(Fault::input, [&] { checkpoint.config("transformer").finish(); }),
            folder().string() +
                "/transformer/config.json: unknown key \"num_layers\"; this version does not know what it changes, so "
                "it will not ignore it");
}

TEST_F(ModelFolder, ConfigOfAnotherClass) {
  write("transformer/config.json", R"({"_class_name": "OtherTransformer"})");
  EXPECT_EQ(
      error_of(Fault::input, [&] { Checkpoint(folder()).config("transformer"); }),
      folder().string() +
          "/transformer/config.json: key \"_class_name\": expected \"SomeTransformer\", as model_index.json says, "
          "found \"OtherTransformer\"");
}

TEST_F(ModelFolder, UnknownComponentOrFile) {
  const Checkpoint checkpoint(folder());
  EXPECT_EQ(error_of(Fault::input, [&] { checkpoint.config("vae"); }),
            folder().string() + "/model_index.json: the model has no component \"vae\"");
  EXPECT_EQ(error_of(Fault::input, [&] { checkpoint.headers("transformer_2"); }),
            folder().string() + "/model_index.json: the model has no component \"transformer_2\"");
  EXPECT_EQ(error_of(Fault::input, [&] { checkpoint.file("tokenizer", "vocab.txt"); }),
            folder().string() + "/tokenizer/vocab.txt: there is no such file. " + download());
}

TEST_F(ModelFolder, ListsEverythingThatIsMissing) {
  for (const char* file : {"scheduler/scheduler_config.json", "tokenizer", "transformer"}) remove(file);
  write("text_encoder/model.safetensors.index.json",
        R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-3.safetensors"}})");
  fs::rename(folder() / "text_encoder/model.safetensors", folder() / "text_encoder/model-2.safetensors");
  EXPECT_EQ(open_error(),
            ": the model is incomplete; missing: scheduler/scheduler_config.json, text_encoder/model-1.safetensors, "
            "text_encoder/model-3.safetensors, tokenizer/spiece.model, tokenizer/tokenizer_config.json, "
            "transformer/config.json, "
            "transformer/diffusion_pytorch_model.safetensors (or its shards). " +
                download());
}

TEST_F(ModelFolder, InTheCacheTheDownloadLineIsComplete) {
  const std::string commit(40, 'a');
  const fs::path snapshot = temp_ / ("hub/models--org--some-model/snapshots/" + commit);
  fs::create_directories(snapshot.parent_path());
  fs::rename(folder(), snapshot);
  fs::remove(snapshot / "tokenizer/spiece.model");
  EXPECT_EQ(error_of(Fault::input, [&] { Checkpoint checkpoint(snapshot); }),
            snapshot.string() +
                ": the model is incomplete; missing: tokenizer/spiece.model. Download it: hf download org/some-model "
                "--revision " +
                commit);
}

TEST_F(ModelFolder, LinksAsInTheCacheAreFollowed) {
  const fs::path file = folder() / "transformer/diffusion_pytorch_model.safetensors", blob = temp_ / "blob";
  fs::rename(file, blob);
  fs::create_symlink("../../blob", file);
  EXPECT_EQ(Checkpoint(folder()).headers("transformer").at(0).tensors.size(), 1u);
  fs::remove(blob);
  EXPECT_THAT(open_error(), HasSubstr("missing: transformer/diffusion_pytorch_model.safetensors (or its shards)."));
}

TEST_F(ModelFolder, MalformedIndex) {
  const auto with = [&](const std::string& index) {
    write("model_index.json", index);
    return open_error();
  };
  EXPECT_EQ(with("{}"), "/model_index.json: key \"_class_name\" is missing; expected a string");
  EXPECT_EQ(with(R"({"_class_name": ["A"]})"),
            "/model_index.json: key \"_class_name\": expected a string, found [\"A\"] (an array)");
  for (const char* pair : {"[]", "[\"diffusers\"]", "[null, \"A\"]", "[\"diffusers\", null]", "[\"a\", \"b\", \"c\"]"})
    EXPECT_EQ(with(fmt::format(R"({{"_class_name": "A", "vae": {}}})", pair)),
              "/model_index.json: key \"vae\": expected [library, class] or [null, null]");
  EXPECT_EQ(with(R"({"_class_name": "A", "vae": ["diffusers", 1]})"),
            "/model_index.json: key \"vae[1]\": expected a string, found 1");
  for (const char* name : {"..", "a/b", "/etc", "", "a b", "\\u0000"})
    EXPECT_THAT(with(fmt::format(R"({{"_class_name": "A", "{}": ["diffusers", "B"]}})", name)),
                HasSubstr("a component's name is also its folder's; expected letters, digits and _"));
  EXPECT_THAT(with("{"), HasSubstr("/model_index.json: not valid JSON: "));
}

TEST_F(ModelFolder, PicklesInAComponent) {
  fs::rename(folder() / "transformer/diffusion_pytorch_model.safetensors",
             folder() / "transformer/diffusion_pytorch_model.bin");
  EXPECT_THAT(open_error(),
              HasSubstr("/transformer: its weights are pickles (diffusion_pytorch_model.bin); these are never opened"));
}

TEST_F(ModelFolder, NotAModel) {
  EXPECT_EQ(error_of(Fault::input, [&] { Checkpoint checkpoint(folder() / "none"); }),
            folder().string() + "/none: there is no such folder");
  EXPECT_EQ(error_of(Fault::input, [&] { Checkpoint checkpoint(folder() / "tokenizer/spiece.model"); }),
            folder().string() +
                "/tokenizer/spiece.model: is a file; expected the folder of a model, with a model_index.json in it");
  EXPECT_EQ(error_of(Fault::input, [&] { Checkpoint checkpoint(folder() / "transformer"); }),
            folder().string() +
                "/transformer: has no model_index.json; it is one component of a model, name the folder above it: " +
                folder().string() + "/");
  remove("model_index.json");
  EXPECT_EQ(open_error(),
            ": has no model_index.json; expected the folder of a model in diffusers' layout. If its download is not "
            "complete: hf download "
            "<organisation/name> --local-dir " +
                folder().string());
  write("models_t5_umt5-xxl-enc-bf16.pth", "");
  EXPECT_EQ(
      open_error(),
      ": has no model_index.json; this is a model in its original layout, with pickles "
      "(models_t5_umt5-xxl-enc-bf16.pth), which are "
      "never opened. Use the repository of the same model in diffusers' layout; its name usually ends in -Diffusers");
}

TEST(Checkpoint, OpensTheReferenceModels) {
  for (const char* name : {"wan21_t2v", "wan22_a14b_t2v", "wan22_ti2v"}) {
    const Checkpoint checkpoint(test::data(std::string("models/") + name));
    EXPECT_EQ(checkpoint.pipeline(), "WanPipeline");
    EXPECT_EQ(checkpoint.component_class("vae"), "AutoencoderKLWan");
    for (const char* component : {"text_encoder", "transformer", "vae"})
      EXPECT_FALSE(checkpoint.headers(component).empty());
  }
}

class HubCache : public ::testing::Test {
 protected:
  const std::string commit_ = "0123456789abcdef0123456789abcdef01234567";
  test::TempDir temp_;
  test::ScopedEnv hub_cache_{"HF_HUB_CACHE", nullptr}, hf_home_{"HF_HOME", nullptr}, xdg_{"XDG_CACHE_HOME", nullptr},
      home_{"HOME", (temp_ / "home").c_str()};

  // A cache with main and the branch "pr/1" of org/name at commit_.
  fs::path make_cache(const fs::path& cache) {
    const fs::path repository = cache / "models--org--name";
    fs::create_directories(repository / "snapshots" / commit_);
    test::write_file(repository / "refs/main", commit_);
    test::write_file(repository / "refs/pr/1", commit_ + "\n");
    return repository / "snapshots" / commit_;
  }
};

TEST_F(HubCache, IsLookedForInThisOrder) {
  const fs::path in_home = make_cache(temp_ / "home/.cache/huggingface/hub"),
                 in_xdg = make_cache(temp_ / "xdg/huggingface/hub"), in_hf_home = make_cache(temp_ / "hf/hub"),
                 in_hub_cache = make_cache(temp_ / "hub");
  EXPECT_EQ(find_checkpoint("org/name"), in_home);
  const test::ScopedEnv empty("XDG_CACHE_HOME", "");
  EXPECT_EQ(find_checkpoint("org/name"), in_home);
  const test::ScopedEnv xdg("XDG_CACHE_HOME", (temp_ / "xdg").c_str());
  EXPECT_EQ(find_checkpoint("org/name"), in_xdg);
  const test::ScopedEnv hf_home("HF_HOME", (temp_ / "hf").c_str());
  EXPECT_EQ(find_checkpoint("org/name"), in_hf_home);
  const test::ScopedEnv hub_cache("HF_HUB_CACHE", (temp_ / "hub").c_str());
  EXPECT_EQ(find_checkpoint("org/name"), in_hub_cache);
}

TEST_F(HubCache, Revisions) {
  const test::ScopedEnv hub_cache("HF_HUB_CACHE", temp_.path().c_str());
  const fs::path snapshot = make_cache(temp_.path());
  EXPECT_EQ(find_checkpoint("org/name", "pr/1"), snapshot);
  EXPECT_EQ(find_checkpoint("org/name@pr/1"), snapshot);
  EXPECT_EQ(find_checkpoint("org/name@" + commit_), snapshot);
  EXPECT_EQ(find_checkpoint("org/name", commit_), snapshot);
  const std::string cache = temp_.path().string(), repository = cache + "/models--org--name";
  EXPECT_EQ(error_of(Fault::input, [&] { find_checkpoint("org/name@v2"); }),
            "model \"org/name\": revision \"v2\" is not in the Hugging Face cache (no file " + repository +
                "/refs/v2). Download it: hf download org/name --revision v2");
  const std::string other(40, 'f');
  EXPECT_EQ(error_of(Fault::input, [&] { find_checkpoint("org/name", other); }),
            "model \"org/name\": its snapshot is not in the Hugging Face cache (no folder " + repository +
                "/snapshots/" + other + "). Download it: hf download org/name --revision " + other);
  for (const char* revision : {"../main", "a/../../b", "/etc/passwd", "", "a b", "a\n"})
    EXPECT_THAT(error_of(Fault::usage, [&] { find_checkpoint("org/name", revision); }),
                HasSubstr("is no branch, tag or commit"));
  test::write_file(repository + "/refs/main", "../../elsewhere");
  EXPECT_EQ(error_of(Fault::input, [&] { find_checkpoint("org/name"); }),
            repository + "/refs/main: expected a commit of 40 hexadecimal digits, found \"../../elsewhere\"");
}

TEST_F(HubCache, NotThere) {
  EXPECT_EQ(error_of(Fault::input, [&] { find_checkpoint("org/name"); }),
            "model \"org/name\": there is no such folder, and it is not in the Hugging Face cache " +
                (temp_ / "home").string() + "/.cache/huggingface/hub. Download it: hf download org/name");
  EXPECT_EQ(error_of(Fault::input, [&] { find_checkpoint("org/name@v1.0"); }),
            "model \"org/name\": there is no such folder, and it is not in the Hugging Face cache " +
                (temp_ / "home").string() +
                "/.cache/huggingface/hub. Download it: hf download org/name --revision v1.0");
  const test::ScopedEnv no_home("HOME", nullptr);
  EXPECT_EQ(error_of(Fault::usage, [&] { find_checkpoint("org/name"); }),
            "the Hugging Face cache cannot be found: HF_HUB_CACHE, HF_HOME and HOME are not set");
}

TEST_F(HubCache, FoldersGoFirstAndOtherNamesAreRefused) {
  EXPECT_EQ(find_checkpoint(temp_.path().string()), temp_.path());
  for (const char* name :
       {"", "name", "a/b/c", "../x", "org/..", "org/na me", "/no/such/folder", "org/", "/name", "\x1b/x"})
    EXPECT_THAT(error_of(Fault::input, [&] { find_checkpoint(name); }),
                HasSubstr("there is no such folder; expected a folder with a model_index.json, or a hub id of the form "
                          "organisation/name"))
        << name;
}

}  // namespace
}  // namespace sora
