// The registry, the defaults of configs/, and the traits of every checkpoint that the tests have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

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

bool has_weights(const fs::path& folder) {
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().filename().string().find(".safetensors") != std::string::npos) return true;
  }
  return false;
}

// A copy of a tiny checkpoint, with something under the names of weights that the tests' data leave out, in which
// `from` is replaced by `to` in one of its files.
class Changed {
 public:
  explicit Changed(const std::string& model) : folder_(scratch_.path() / model) {
    fs::copy(test::data("models/" + model), folder_, fs::copy_options::recursive);
    for (const auto& component : fs::directory_iterator(folder_)) {
      if (!component.is_directory() || !fs::exists(component.path() / "config.json") || has_weights(component))
        continue;
      const bool transformers = component.path().filename().string().ends_with("encoder");
      const char* weights = transformers ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
      test::write_file(component.path() / weights, "");
    }
  }
  Changed(const std::string& model, const std::string& file, const std::string& from, const std::string& to)
      : Changed(model) {
    change(file, from, to);
  }
  Changed& change(const std::string& file, const std::string& from, const std::string& to) {
    std::string text = test::read_text(folder_ / file);
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    test::write_file(folder_ / file, text.replace(at, from.size(), to));
    return *this;
  }
  const fs::path& folder() const { return folder_; }
  Traits traits() const { return read_traits(Checkpoint(folder_)); }
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
  EXPECT_EQ(traits.family, "Wan 2.2 TI2V");
  EXPECT_EQ(traits.compression.space, 8);
  EXPECT_EQ(traits.patch, (std::array{1, 2, 2}));
  EXPECT_EQ(traits.defaults.size, (PixelSize{128, 128}));
  EXPECT_EQ(traits.defaults.fps, (Rational{8, 1}));
  EXPECT_EQ(traits.given, GivenSupport::latent_frames);
  EXPECT_EQ(traits.continuation, Continuation::clean_prefix);
  EXPECT_EQ(traits.defaults.window_frames, 33);
}

struct Kind {
  std::string model, family;
  GivenSupport given;
  bool video_to_video;
  Continuation continuation;
};

TEST(Traits, OfEachKindOfCheckpoint) {
  using enum GivenSupport;
  for (const Kind& kind : {
           Kind{"wan21_t2v", "Wan", nothing, true, Continuation::blended},
           Kind{"wan21_i2v", "Wan I2V", first_frame, false, Continuation::none},
           Kind{"wan21_flf2v", "Wan FLF2V", first_and_last_frame, false, Continuation::none},
           Kind{"wan21_vace", "Wan VACE", pixels, false, Continuation::blended},
           Kind{"wan22_a14b_t2v", "Wan 2.2, two experts", nothing, true, Continuation::blended},
           Kind{"wan22_a14b_i2v", "Wan 2.2 I2V, two experts", first_frame_maybe_last, false, Continuation::none},
           Kind{"wan22_ti2v", "Wan 2.2 TI2V", latent_frames, true, Continuation::clean_prefix},
           Kind{"skyreels_v2_t2v", "SkyReels-V2 T2V", nothing, true, Continuation::blended},
           Kind{"skyreels_v2_i2v", "SkyReels-V2 I2V", first_frame, false, Continuation::none},
           Kind{"skyreels_v2_flf2v", "SkyReels-V2 I2V", first_and_last_frame, false, Continuation::none},
           Kind{"skyreels_v2_df", "SkyReels-V2 DF", leading_frames_maybe_last, false, Continuation::forcing},
       }) {
    const Traits traits = Changed(kind.model).traits();
    EXPECT_EQ(traits.family, kind.family);
    EXPECT_EQ(traits.given, kind.given) << kind.model;
    EXPECT_EQ(traits.video_to_video, kind.video_to_video) << kind.model;
    EXPECT_EQ(traits.continuation, kind.continuation) << kind.model;
    EXPECT_GT(traits.defaults.window_frames, traits.defaults.overlap_frames) << kind.model;
    EXPECT_GT(traits.denoiser.parameters, 0) << kind.model;
  }
}

// A pipeline is a way to call weights; what those can do is theirs.
TEST(Traits, OfOtherPipelinesForTheSameWeights) {
  const auto traits = [](const std::string& model, const std::string& from, const std::string& to) {
    return Changed(model, "model_index.json", from, to).traits();
  };
  EXPECT_EQ(traits("wan22_ti2v", "WanPipeline", "WanImageToVideoPipeline").given, GivenSupport::latent_frames);
  EXPECT_EQ(traits("wan21_t2v", "WanPipeline", "WanVideoToVideoPipeline").family, "Wan");
  const std::string forcing = "SkyReelsV2DiffusionForcing";
  for (const std::string kind : {"ImageToVideoPipeline", "VideoToVideoPipeline"})
    EXPECT_EQ(traits("skyreels_v2_df", forcing + "Pipeline", forcing + kind).family, "SkyReels-V2 DF");
}

TEST(Traits, OfSkyReelsImageToVideo) {
  Changed changed("skyreels_v2_t2v", "model_index.json", "SkyReelsV2Pipeline", "SkyReelsV2ImageToVideoPipeline");
  EXPECT_EQ(changed.error(),
            changed.folder().string() +
                ": a SkyReelsV2ImageToVideoPipeline has a transformer with in_channels 36 (latents, mask "
                "and given frames), found 16");
  changed.change("transformer/config.json", "\"in_channels\": 16", "\"in_channels\": 36");
  const Traits traits = changed.traits();
  EXPECT_EQ(traits.given, GivenSupport::first_frame);
  EXPECT_EQ(traits.defaults.guidance_scale, 5);
}

// The classes that diffusers' conversion of the published weights saves.
TEST(Traits, OfSkyReelsImageToVideoAsConverted) {
  Changed changed("skyreels_v2_i2v", "model_index.json", "CLIPImageProcessor", "CLIPProcessor");
  changed.change("model_index.json", "CLIPVisionModel", "CLIPVisionModelWithProjection");
  EXPECT_EQ(changed.traits().given, GivenSupport::first_frame);
}

TEST(Traits, TextLengthIsFixedWhereImagesAreAttendedTo) {
  EXPECT_TRUE(Changed("wan21_i2v").traits().fixed_text_length);
  EXPECT_TRUE(Changed("skyreels_v2_i2v").traits().fixed_text_length);
  EXPECT_FALSE(Changed("wan22_a14b_i2v").traits().fixed_text_length);
}

TEST(Traits, ForcingTakesItsBlockFromTheConfig) {
  EXPECT_EQ(Changed("skyreels_v2_df").traits().forcing, (Forcing{1, 0, 20}));
  const Changed blocks("skyreels_v2_df", "transformer/config.json", "\"num_frame_per_block\": 1",
                       "\"num_frame_per_block\": 5");
  EXPECT_EQ(blocks.traits().forcing.block, 5);
}

TEST(Traits, SayWhoCanDoTheRest) {
  const Traits traits = Changed("wan21_t2v").traits();
  EXPECT_EQ(traits.who_can.at(Skill::last_frame),
            "Wan 2.1 FLF2V, Wan 2.2 I2V A14B, Wan 2.2 TI2V, Wan VACE, SkyReels-V2 DF");
  EXPECT_EQ(traits.who_can.at(Skill::reference_images), "Wan VACE");
  EXPECT_EQ(traits.who_can.at(Skill::windows), "Wan T2V, Wan 2.2 TI2V, Wan VACE, SkyReels-V2 T2V, SkyReels-V2 DF");
  for (const Skill skill : kSkills) EXPECT_FALSE(traits.who_can.at(skill).empty()) << to_string(skill);
}

TEST(Registry, TheTransformerFitsThePipeline) {
  const auto error = [](const Changed& changed) {
    const std::string message = changed.error(), folder = changed.folder().string();
    EXPECT_EQ(message.substr(0, folder.size()), folder);
    return message.substr(folder.size());
  };
  EXPECT_EQ(error(Changed("wan21_i2v", "model_index.json", "WanImageToVideoPipeline", "WanPipeline")),
            ": a WanPipeline has a transformer of latents alone, with in_channels 16 (the VAE's z_dim) and without an "
            "image_dim; found in_channels 36 and image_dim 24");
  EXPECT_EQ(error(Changed("wan21_t2v", "model_index.json", "WanPipeline", "WanImageToVideoPipeline")),
            ": a WanImageToVideoPipeline has a transformer with in_channels 36 (latents, mask and given frames), or "
            "expand_timesteps; found in_channels 16 and expand_timesteps false");
  EXPECT_EQ(error(Changed("wan21_vace", "model_index.json", "WanVACEPipeline", "WanPipeline")),
            "/model_index.json: the class of \"transformer\" is \"WanVACETransformer3DModel\"; a WanPipeline has a "
            "WanTransformer3DModel");
  EXPECT_EQ(
      error(Changed("wan21_vace", "transformer/config.json", "\"vace_in_channels\": 96", "\"vace_in_channels\": 64")),
      ": vace_in_channels is 64; with this VAE a control has 96 channels");
}

TEST(Registry, ImagesNeedAnEncoderWhereTheyAreAttendedTo) {
  Changed changed("wan22_a14b_i2v");
  changed.change("transformer/config.json", "\"image_dim\": null", "\"image_dim\": 24");
  changed.change("transformer/config.json", "\"added_kv_proj_dim\": null", "\"added_kv_proj_dim\": 40");
  changed.change("transformer_2/config.json", "\"image_dim\": null", "\"image_dim\": 24");
  changed.change("transformer_2/config.json", "\"added_kv_proj_dim\": null", "\"added_kv_proj_dim\": 40");
  EXPECT_EQ(changed.error(), (changed.folder() / "model_index.json").string() +
                                 ": \"image_encoder\" is absent and image_dim of the transformer is 24; a transformer "
                                 "that attends to images needs both, another neither");
}

TEST(Registry, UnknownPipelineIsNamedWithTheKnownOnes) {
  const Changed changed("wan21_t2v", "model_index.json", "WanPipeline", "WanPipelin");
  EXPECT_EQ(changed.error(),
            (changed.folder() / "model_index.json").string() +
                ": _class_name is \"WanPipelin\" (did you mean \"WanPipeline\"?); supported: WanPipeline, "
                "WanImageToVideoPipeline, WanVideoToVideoPipeline, WanVACEPipeline, SkyReelsV2Pipeline, "
                "SkyReelsV2ImageToVideoPipeline, SkyReelsV2DiffusionForcingPipeline, "
                "SkyReelsV2DiffusionForcingImageToVideoPipeline, SkyReelsV2DiffusionForcingVideoToVideoPipeline");
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
  EXPECT_EQ(read_defaults({"WanImageToVideoPipeline", 1, 40, 40, 36}).steps, 40);
  EXPECT_EQ(read_defaults({"WanImageToVideoPipeline", 1, 40, 40, 36, 514}).size, (PixelSize{1280, 720}));
  EXPECT_EQ(read_defaults({"WanImageToVideoPipeline", 2, 40, 40, 36}).guidance_scale, 3.5);
  EXPECT_EQ(read_defaults({"WanImageToVideoPipeline", 1, 30, 24, 48}).window_frames, 121);
  EXPECT_EQ(read_defaults({"SkyReelsV2DiffusionForcingPipeline"}).overlap_frames, 17);
}

TEST(Defaults, EveryFileIsWellFormed) {
  for (const EmbeddedConfig& config : embedded_configs()) {
    JsonObject json(config.text, config.file, Fault::bug);
    JsonObject match = json.read_object("match");
    const auto number = [&](std::string_view key) { return match.read_or<int>(key, 0); };
    for (const std::string& pipeline : match.read<std::vector<std::string>>("pipelines")) {
      const Defaults defaults =
          read_defaults({pipeline, match.read_or<int>("experts", 1), number("num_layers"),
                         number("num_attention_heads"), number("in_channels"), number("pos_embed_seq_len")});
      EXPECT_EQ(defaults.steps, JsonObject(config.text, config.file, Fault::bug).read<int>("steps")) << config.file;
      EXPECT_EQ(defaults.size.width % 32, 0) << config.file;
      EXPECT_EQ(defaults.size.height % 16, 0) << config.file;
      for (const int frames : {defaults.num_frames, defaults.window_frames, defaults.overlap_frames})
        EXPECT_EQ(frames % 4, 1) << config.file;
      EXPECT_LT(defaults.overlap_frames, defaults.window_frames) << config.file;
    }
  }
}

}  // namespace
}  // namespace sora
