// config.json and preprocessor_config.json of an image encoder: what is understood, and what is refused in which words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "architecture/clip_vision.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

using test::error_of;

JsonObject json(const std::string& text) { return {text, "config.json", Fault::input}; }

constexpr ClipVisionConfig kTiny{.image_size = 28, .patch_size = 14};

TEST(ClipVisionConfig, FlatAndNested) {
  const std::string flat = R"({"model_type": "clip_vision_model", "hidden_size": 1280, "intermediate_size": 5120,
      "num_hidden_layers": 32, "num_attention_heads": 16, "patch_size": 14, "hidden_act": "gelu", "dropout": 0.0})";
  const std::string nested = R"({"model_type": "clip", "projection_dim": 1024, "text_config": {"vocab_size": 1},
      "logit_scale_init_value": 2.6592, "vision_config": )" +
                             flat + "}";
  for (const std::string& text : {flat, nested}) {
    const ClipVisionConfig config = read_clip_vision_config(json(text));
    EXPECT_EQ(config.hidden_size, 1280);
    EXPECT_EQ(config.num_hidden_layers, 32);
    EXPECT_EQ(config.image_size, 224);
    EXPECT_EQ(config.patches(), 256);
    EXPECT_EQ(config.hidden_act, ClipActivation::gelu);
  }
  EXPECT_EQ(read_clip_vision_config(json("{}")).hidden_act, ClipActivation::quick_gelu);
}

TEST(ClipVisionConfig, WhatIsRefused) {
  const auto refusal = [](const std::string& text) {
    return error_of(Fault::input, [&] { read_clip_vision_config(json(text)); });
  };
  EXPECT_EQ(refusal(R"({"hidden_act": "relu"})"),
            "config.json: key \"hidden_act\": expected \"gelu\" or \"quick_gelu\", found \"relu\"");
  EXPECT_EQ(refusal(R"({"hidden_size": 100, "num_attention_heads": 16})"),
            "config.json: key \"hidden_size\": expected a multiple of \"num_attention_heads\", 16, found 100");
  EXPECT_EQ(refusal(R"({"image_size": 224, "patch_size": 15})"),
            "config.json: key \"image_size\": expected a multiple of \"patch_size\", 15, found 224");
  EXPECT_EQ(refusal(R"({"layer_norm_eps": 0})"),
            "config.json: key \"layer_norm_eps\": expected a number above 0 and below 1, found 0");
  EXPECT_EQ(refusal(R"({"num_channels": 4})"),
            "config.json: key \"num_channels\": expected 3, found 4; nothing else is supported");
  EXPECT_THAT(refusal(R"({"model_type": "siglip_vision_model"})"),
              testing::HasSubstr("key \"model_type\": expected \"clip_vision_model\""));
  EXPECT_THAT(refusal(R"({"windows": 4})"), testing::HasSubstr("windows"));
  EXPECT_THAT(refusal(R"({"vision_config": {"windows": 4}})"), testing::HasSubstr("vision_config.windows"));
}

TEST(ClipImageProcessor, WhatIsRefused) {
  const std::string whole = test::read_text(test::data("models/wan21_i2v/image_processor/preprocessor_config.json"));
  const auto refusal = [&](const std::string& before, const std::string& after) {
    std::string text = whole;
    const std::size_t place = text.find(before);
    EXPECT_NE(place, text.npos) << before;
    text.replace(place, before.size(), after);
    return error_of(Fault::input, [&] { read_clip_image_processor_config(json(text), kTiny); });
  };
  EXPECT_EQ(refusal("\"do_resize\": true", "\"do_resize\": true"), "nothing was thrown");
  EXPECT_EQ(refusal("\"do_center_crop\": true", "\"do_center_crop\": false"),
            "config.json: key \"do_center_crop\": expected true, found false; nothing else is supported");
  EXPECT_EQ(refusal("\"resample\": 3", "\"resample\": 2"),
            "config.json: key \"resample\": expected 3, found 2; nothing else is supported");
  EXPECT_THAT(refusal("0.00392156862745098", "0.5"),
              testing::StartsWith("config.json: key \"rescale_factor\": expected "));
  EXPECT_EQ(refusal("\"width\": 28", "\"width\": 27"),
            "config.json: key \"crop_size.width\": expected the height, 28, found 27");
  EXPECT_EQ(refusal("\"shortest_edge\": 28", "\"shortest_edge\": 27"),
            "config.json: key \"size\": expected a shortest_edge of at least \"crop_size\", 28, found 27");
  EXPECT_EQ(refusal("0.26862954", "0"), "config.json: key \"image_std\": expected numbers above 0, found 0");
  EXPECT_EQ(refusal("0.4578275,", ""),
            "config.json: key \"image_mean\": expected 3 numbers, for red, green and blue, found 2");
  EXPECT_THAT(refusal("\"resample\": 3", "\"resample\": 3, \"do_flip\": true"), testing::HasSubstr("do_flip"));
  const ClipVisionConfig larger{.hidden_size = 768, .image_size = 224};
  EXPECT_EQ(error_of(Fault::input, [&] { read_clip_image_processor_config(json(whole), larger); }),
            "config.json: key \"crop_size\": expected 224, the image encoder's \"image_size\", found 28");
}

}  // namespace
}  // namespace sora
