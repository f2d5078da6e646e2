// The image encoder and its preprocessing against transformers' CLIPVisionModel and CLIPImageProcessor, on tiny random
// checkpoints with either naming of tensors.
#include "architecture/clip_vision.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "networks/networks.h"
#include "nn/trace.h"
#include "sora/render.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

using test::error_of;
using test::expect_close;
using Tensors = std::map<std::string, at::Tensor>;

constexpr double kLayerBar = 1e-5, kBf16Bar = 2e-2;

std::filesystem::path folder_of(const std::string& model) { return test::data("models/" + model); }

ClipVisionConfig config_of(const std::string& model) {
  return read_clip_vision_config(JsonObject::from_file(folder_of(model) / "image_encoder/config.json"));
}

std::unique_ptr<ImageEncoder> load(const std::filesystem::path& weights_folder, const ClipVisionConfig& config,
                                   at::ScalarType dtype = at::kFloat) {
  const auto processor = folder_of("wan21_i2v") / "image_processor/preprocessor_config.json";
  WeightFiles weights(read_component_headers(weights_folder, "model"), at::kCPU, dtype);
  auto encoder = make_clip_vision(config, read_clip_image_processor_config(JsonObject::from_file(processor), config),
                                  weights.root());
  weights.finish();
  return encoder;
}

Frames frames_of(const at::Tensor& picture) {  // [H, W, 3]
  return {1,
          static_cast<int>(picture.size(0)),
          static_cast<int>(picture.size(1)),
          {picture.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(picture.numel())}};
}

void expect_equals_run(const std::string& model, const std::vector<std::string>& pictures) {
  const Tensors reference = test::read_tensors(test::data("ref/" + model + "/clip.safetensors"));
  std::vector<Frames> frames;
  for (const std::string& name : pictures) frames.push_back(frames_of(reference.at(name)));
  int taps = 0;
  const TraceScope scope([&](std::string_view tap, const at::Tensor& value) {
    const at::Tensor& expected = reference.at(std::string(tap));
    if (tap == "clip.pixel_values")
      EXPECT_TRUE(at::equal(value, expected)) << tap;
    else
      expect_close(std::string(tap), value, expected, kLayerBar);
    ++taps;
  });
  const at::Tensor states = load(folder_of(model) / "image_encoder", config_of(model))->encode(frames);
  EXPECT_EQ(taps, 5) << "pixels, embeddings and three of four layers";
  expect_close("states", states, reference.at("clip.hidden_states.3"), kLayerBar);
}

TEST(ClipVision, EqualsTheReferenceOnOnePicture) { expect_equals_run("wan21_i2v", {"input.image"}); }

TEST(ClipVision, EqualsTheReferenceOnTwoWithoutThePrefix) {
  expect_equals_run("wan21_flf2v", {"input.image", "input.last_image"});
}

class ClipCases : public ::testing::Test {
 protected:
  static constexpr int kPictures = 6;
  const Tensors cases_ = test::read_tensors(test::data("clip/cases.safetensors"));
  ClipVisionConfig config_ = config_of("wan21_i2v");

  std::vector<Frames> pictures() const {
    std::vector<Frames> frames;
    for (int i = 0; i < kPictures; ++i) frames.push_back(frames_of(cases_.at("picture." + std::to_string(i))));
    return frames;
  }
  at::Tensor encode(at::ScalarType dtype = at::kFloat) const {
    return load(folder_of("wan21_i2v") / "image_encoder", config_, dtype)->encode(pictures());
  }
};

TEST_F(ClipCases, PixelsOfAllAspectRatiosEqual) {
  at::Tensor pixels;
  const TraceScope scope([&](std::string_view tap, const at::Tensor& value) {
    if (tap == "clip.pixel_values") pixels = value.clone();
  });
  encode();
  for (int i = 0; i < kPictures; ++i) {
    const std::string name = "pixel_values." + std::to_string(i);
    EXPECT_TRUE(at::equal(pixels.slice(0, i, i + 1), cases_.at(name))) << name;
  }
}

TEST_F(ClipCases, BothActivations) {
  EXPECT_EQ(config_.hidden_act, ClipActivation::gelu);
  expect_close("gelu", encode(), cases_.at("gelu"), kLayerBar);
  config_.hidden_act = ClipActivation::quick_gelu;
  expect_close("quick_gelu", encode(), cases_.at("quick_gelu"), kLayerBar);
}

TEST_F(ClipCases, Bf16) {
  const at::Tensor states = encode(at::kBFloat16);
  EXPECT_EQ(states.scalar_type(), at::kBFloat16);
  expect_close("bf16", states, cases_.at("bf16"), kBf16Bar);
  expect_close("bf16 and fp32", states, cases_.at("gelu"), kBf16Bar);
}

TEST_F(ClipCases, APictureDoesNotDependOnItsNeighbours) {
  const auto encoder = load(folder_of("wan21_i2v") / "image_encoder", config_);
  expect_close("alone", encoder->encode({pictures()[2]}), encode().slice(0, 2, 3), 1e-6);
}

TEST_F(ClipCases, HoldItsCallerToOnePictureEach) {
  const std::vector<std::uint8_t> rgb(2 * 3 * 4 * 4);
  EXPECT_EQ(error_of(Fault::bug,
                     [&] {
                       load(folder_of("wan21_i2v") / "image_encoder", config_)->encode({{2, 4, 4, rgb}});
                     }),
            "2 frames were given as one picture");
}

// What CLIPVisionModelWithProjection and old versions add; and a layer less or more than the config says.
TEST_F(ClipCases, FilesOfOtherVersions) {
  const test::TempDir temp;
  Tensors tensors = test::read_tensors(folder_of("wan21_i2v") / "image_encoder/model.safetensors");
  tensors["visual_projection.weight"] = at::zeros({16, 24});
  tensors["vision_model.embeddings.position_ids"] = at::arange(5).unsqueeze(0);
  test::write_tensors(temp / "model.safetensors", tensors);
  EXPECT_TRUE(at::equal(load(temp.path(), config_)->encode(pictures()), encode()));
  config_.num_hidden_layers = 3;
  EXPECT_THAT(error_of(Fault::input, [&] { load(temp.path(), config_); }),
              testing::HasSubstr(": 16 of its tensors belong to no part of the network that its config describes: "
                                 "\"vision_model.encoder.layers.3.layer_norm1.bias\""));
  config_.num_hidden_layers = 5;
  EXPECT_THAT(error_of(Fault::input, [&] { load(temp.path(), config_); }),
              testing::StartsWith(temp.path().string() +
                                  ": tensor \"vision_model.encoder.layers.4.layer_norm1.weight\" is missing; expected "
                                  "shape [24]"));
}

}  // namespace
}  // namespace sora
