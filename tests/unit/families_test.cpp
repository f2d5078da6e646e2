// The registry, the defaults of configs/, and the traits of every checkpoint that the tests have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "families/defaults.h"
#include "families/defaults_data.h"
#include "families/registry.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

// A copy of a tiny checkpoint in which `from` is replaced by `to` in one of its files.
class Changed {
 public:
  Changed(const std::string& model, const std::string& file, const std::string& from, const std::string& to)
      : folder_(scratch_.path() / model) {
    fs::copy(test::data("models/" + model), folder_, fs::copy_options::recursive);
    std::string text = test::read_text(folder_ / file);
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    test::write_file(folder_ / file, text.replace(at, from.size(), to));
  }
  const fs::path& folder() const { return folder_; }
  std::string error() const {
    return message_of([this] { read_traits(Checkpoint(folder_)); });
  }

 private:
  test::TempDir scratch_;
  fs::path folder_;
};

TEST(Traits, OfOneExpert) {
  const Traits traits = read_traits(Checkpoint(test::data("models/wan21_t2v")));
  EXPECT_EQ(traits.family, "Wan");
  EXPECT_EQ(traits.compression.time, 4);
  EXPECT_EQ(traits.compression.space, 8);
  EXPECT_EQ(traits.patch, (std::array{1, 2, 2}));
  EXPECT_EQ(traits.latent_channels, 16);
  EXPECT_EQ(traits.train_timesteps, 1000);
  EXPECT_FALSE(traits.boundary_ratio);
  EXPECT_EQ(traits.defaults.size, (PixelSize{832, 480}));
  EXPECT_EQ(traits.defaults.negative_prompt, "");
}

TEST(Traits, OfTwoExperts) {
  const Traits traits = read_traits(Checkpoint(test::data("models/wan22_a14b_t2v")));
  EXPECT_EQ(traits.family, "Wan 2.2, two experts");
  EXPECT_EQ(traits.boundary_ratio, 0.875);
}

TEST(Traits, OfTheShippedCheckpoint) {
  const Traits traits = read_traits(Checkpoint(fs::path(SORA_SOURCE_DIR) / "models/tiny-world"));
  EXPECT_EQ(traits.compression.space, 16);
  EXPECT_EQ(traits.patch, (std::array{1, 1, 1}));
  EXPECT_EQ(traits.defaults.size, (PixelSize{128, 128}));
  EXPECT_EQ(traits.defaults.fps, (Rational{8, 1}));
}

TEST(Registry, UnknownPipelineIsNamedWithTheKnownOnes) {
  const Changed changed("wan21_t2v", "model_index.json", "WanPipeline", "WanPipelin");
  EXPECT_EQ(changed.error(),
            (changed.folder() / "model_index.json").string() +
                ": _class_name is \"WanPipelin\" (did you mean \"WanPipeline\"?); supported: WanPipeline");
}

TEST(Registry, UnknownComponentClassIsNamedWithTheKnownOnes) {
  const Changed changed("wan21_t2v", "model_index.json", "AutoencoderKLWan", "AutoencoderKLMochi");
  EXPECT_EQ(changed.error(), (changed.folder() / "model_index.json").string() +
                                 ": the class of \"vae\" is \"AutoencoderKLMochi\" (did you mean "
                                 "\"AutoencoderKLWan\"?); supported: AutoencoderKLWan");
}

TEST(Registry, TwoExpertsNeedABoundary) {
  const Changed changed("wan22_a14b_t2v", "model_index.json", "0.875", "null");
  EXPECT_EQ(changed.error(),
            (changed.folder() / "model_index.json").string() +
                ": boundary_ratio is null and transformer_2 is there; two experts need both, one expert neither");
}

TEST(Registry, BoundaryIsAShare) {
  const Changed changed("wan22_a14b_t2v", "model_index.json", "0.875", "875");
  EXPECT_THAT(changed.error(), HasSubstr("expected a number between 0 and 1, found 875"));
}

TEST(Registry, ComponentsMustFitEachOther) {
  const Changed changed("wan21_t2v", "transformer/config.json", "\"text_dim\": 32", "\"text_dim\": 64");
  EXPECT_THAT(changed.error(),
              HasSubstr("the transformer has text_dim 64, the text encoder d_model 32; they must be equal"));
}

TEST(Defaults, EveryPipelineHasSomeAndTheMostSpecificFileWins) {
  for (const Family& family : families()) EXPECT_GT(read_defaults({std::string(family.pipeline)}).steps, 0);
  EXPECT_EQ(read_defaults({"WanPipeline", 1, 30, 12, 16}).size, (PixelSize{832, 480}));
  EXPECT_EQ(read_defaults({"WanPipeline", 2, 40, 40, 16}).guidance_scale_2, 3.0);
  EXPECT_EQ(read_defaults({"WanPipeline", 1, 40, 40, 16}).guidance_scale_2, std::nullopt);
  EXPECT_EQ(read_defaults({"WanPipeline", 1, 3, 2, 16}).num_frames, 81);
}

TEST(Defaults, EveryFileIsWellFormed) {
  for (const EmbeddedConfig& config : embedded_configs()) {
    JsonObject json(config.text, config.file, Fault::bug);
    JsonObject match = json.read_object("match");
    const auto number = [&](std::string_view key) { return match.read_or<int>(key, 0); };
    const CheckpointFacts facts{match.read<std::string>("pipeline"), match.read_or<int>("experts", 1),
                                number("num_layers"), number("num_attention_heads"), number("in_channels")};
    const Defaults defaults = read_defaults(facts);
    EXPECT_EQ(defaults.steps, json.read<int>("steps")) << config.file;
    EXPECT_EQ(defaults.size.width % 32, 0) << config.file;
    EXPECT_EQ(defaults.size.height % 16, 0) << config.file;
    EXPECT_EQ(defaults.num_frames % 4, 1) << config.file;
  }
}

}  // namespace
}  // namespace sora
