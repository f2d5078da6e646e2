// What a CLIPVisionModel's config.json and its CLIPImageProcessor's preprocessor_config.json say.
#pragma once

#include <array>
#include <cstdint>

#include "sora/checkpoint.h"

namespace sora {

enum class ClipActivation { gelu, quick_gelu };

/// The members are config.json's keys, with CLIPVisionConfig's defaults.
struct ClipVisionConfig {
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t image_size = 224;
  std::int64_t patch_size = 32;
  double layer_norm_eps = 1e-5;
  ClipActivation hidden_act = ClipActivation::quick_gelu;

  std::int64_t patches() const { return (image_size / patch_size) * (image_size / patch_size); }
};

/// Of a CLIPVisionModel or a CLIPVisionModelWithProjection, or the part "vision_config" of a CLIPModel's. Error{input}
/// for what is malformed, absurd, or not supported.
ClipVisionConfig read_clip_vision_config(JsonObject json);

/// Pictures are resized until their shorter side is shortest_edge, cut to the middle crop_size x crop_size, and
/// normalised: (x - image_mean) / image_std for x in 0..1.
struct ClipImageProcessorConfig {
  int shortest_edge = 0, crop_size = 0;
  std::array<double, 3> image_mean{}, image_std{};
};

/// preprocessor_config.json; `encoder` is what the pictures are for. Error{input} for any other way of preprocessing.
ClipImageProcessorConfig read_clip_image_processor_config(JsonObject json, const ClipVisionConfig& encoder);

}  // namespace sora
