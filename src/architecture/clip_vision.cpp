// config.json of CLIPVisionModel and preprocessor_config.json of CLIPImageProcessor.
#include "architecture/clip_vision.h"

#include <string>
#include <string_view>
#include <vector>

#include "architecture/read_size.h"
#include "base/text.h"

namespace sora {
namespace {

// Far above any real network, low enough that products of them never overflow.
constexpr std::int64_t kMaxWidth = 1 << 16, kMaxFfnDim = 1 << 20, kMaxLayers = 1024, kMaxHeads = 1024, kMaxSide = 4096;

ClipActivation read_activation(JsonObject& json) {
  const auto name = json.read_or<std::string>("hidden_act", "quick_gelu");
  if (name == "gelu") return ClipActivation::gelu;
  if (name == "quick_gelu") return ClipActivation::quick_gelu;
  json.fail_at("hidden_act", fmt::format("expected \"gelu\" or \"quick_gelu\", found \"{}\"", printable(name)));
}

void require_multiple(JsonObject& json, std::string_view key, std::int64_t value, std::string_view of,
                      std::int64_t divisor) {
  if (value % divisor != 0)
    json.fail_at(key, fmt::format("expected a multiple of \"{}\", {}, found {}", of, divisor, value));
}

void ignore_what_does_not_matter(JsonObject& json) {
  json.ignore({"_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"});
  // Of training, and of the projection to CLIP's common space, which is not used.
  json.ignore({"attention_dropout", "dropout", "initializer_factor", "initializer_range", "projection_dim"});
}

// Older versions of transformers write into "vision_config" what every model has, most of it for text generation.
void ignore_generic_settings(JsonObject& json) {
  json.ignore({"add_cross_attention",
               "bad_words_ids",
               "begin_suppress_tokens",
               "bos_token_id",
               "chunk_size_feed_forward",
               "cross_attention_hidden_size",
               "decoder_start_token_id",
               "diversity_penalty",
               "do_sample",
               "early_stopping",
               "encoder_no_repeat_ngram_size",
               "eos_token_id",
               "exponential_decay_length_penalty",
               "finetuning_task",
               "forced_bos_token_id",
               "forced_eos_token_id",
               "id2label",
               "is_decoder",
               "is_encoder_decoder",
               "label2id",
               "length_penalty",
               "max_length",
               "min_length",
               "no_repeat_ngram_size",
               "num_beam_groups",
               "num_beams",
               "num_return_sequences",
               "output_attentions",
               "output_hidden_states",
               "output_scores",
               "pad_token_id",
               "prefix",
               "problem_type",
               "pruned_heads",
               "remove_invalid_values",
               "repetition_penalty",
               "return_dict",
               "return_dict_in_generate",
               "sep_token_id",
               "suppress_tokens",
               "task_specific_params",
               "temperature",
               "tf_legacy_loss",
               "tie_encoder_decoder",
               "tie_word_embeddings",
               "tokenizer_class",
               "top_k",
               "top_p",
               "torchscript",
               "typical_p",
               "use_bfloat16"});
}

ClipVisionConfig read_tower(JsonObject json) {
  ClipVisionConfig config;
  json.expect("model_type", "clip_vision_model");
  config.hidden_size = read_size(json, "hidden_size", config.hidden_size, kMaxWidth);
  config.intermediate_size = read_size(json, "intermediate_size", config.intermediate_size, kMaxFfnDim);
  config.num_hidden_layers = read_size(json, "num_hidden_layers", config.num_hidden_layers, kMaxLayers);
  config.num_attention_heads = read_size(json, "num_attention_heads", config.num_attention_heads, kMaxHeads);
  require_multiple(json, "hidden_size", config.hidden_size, "num_attention_heads", config.num_attention_heads);
  config.image_size = read_size(json, "image_size", config.image_size, kMaxSide);
  config.patch_size = read_size(json, "patch_size", config.patch_size, kMaxSide);
  require_multiple(json, "image_size", config.image_size, "patch_size", config.patch_size);
  config.layer_norm_eps = json.read_or("layer_norm_eps", config.layer_norm_eps);
  if (!(config.layer_norm_eps > 0 && config.layer_norm_eps < 1)) {
    json.fail_at("layer_norm_eps",
                 fmt::format("expected a number above 0 and below 1, found {}", config.layer_norm_eps));
  }
  config.hidden_act = read_activation(json);
  json.expect("num_channels", 3);
  ignore_what_does_not_matter(json);
  ignore_generic_settings(json);
  json.finish();
  return config;
}

std::array<double, 3> read_colour(JsonObject& json, std::string_view key) {
  const auto values = json.read<std::vector<double>>(key);
  if (values.size() != 3)
    json.fail_at(key, fmt::format("expected 3 numbers, for red, green and blue, found {}", values.size()));
  return {values[0], values[1], values[2]};
}

int read_side(JsonObject json, std::string_view key) {
  const auto side = json.read<std::int64_t>(key);
  if (side < 1 || side > kMaxSide) json.fail_at(key, fmt::format("expected 1 to {}, found {}", kMaxSide, side));
  json.finish();
  return static_cast<int>(side);
}

int read_square(JsonObject json) {
  const auto height = json.read<std::int64_t>("height"), width = json.read<std::int64_t>("width");
  if (height != width) json.fail_at("width", fmt::format("expected the height, {}, found {}", height, width));
  if (width < 1 || width > kMaxSide) json.fail_at("width", fmt::format("expected 1 to {}, found {}", kMaxSide, width));
  json.finish();
  return static_cast<int>(width);
}

}  // namespace

ClipVisionConfig read_clip_vision_config(JsonObject json) {
  if (!json.has("vision_config")) return read_tower(std::move(json));
  JsonObject tower = json.read_object("vision_config");
  json.expect("model_type", "clip");
  ignore_what_does_not_matter(json);
  json.ignore({"logit_scale_init_value", "text_config", "text_config_dict", "vision_config_dict"});
  json.finish();
  return read_tower(std::move(tower));
}

ClipImageProcessorConfig read_clip_image_processor_config(JsonObject json, const ClipVisionConfig& encoder) {
  for (const std::string_view step : {"do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"})
    json.expect(step, true);
  constexpr int kBicubic = 3;
  json.expect("resample", kBicubic);
  json.expect("rescale_factor", 1.0 / 255);
  ClipImageProcessorConfig config;
  config.crop_size = read_square(json.read_object("crop_size"));
  config.shortest_edge = read_side(json.read_object("size"), "shortest_edge");
  if (config.crop_size != encoder.image_size) {
    json.fail_at("crop_size", fmt::format("expected {}, the image encoder's \"image_size\", found {}",
                                          encoder.image_size, config.crop_size));
  }
  if (config.shortest_edge < config.crop_size) {
    json.fail_at("size", fmt::format("expected a shortest_edge of at least \"crop_size\", {}, found {}",
                                     config.crop_size, config.shortest_edge));
  }
  config.image_mean = read_colour(json, "image_mean");
  config.image_std = read_colour(json, "image_std");
  for (const double value : config.image_std) {
    if (!(value > 0)) json.fail_at("image_std", fmt::format("expected numbers above 0, found {}", value));
  }
  json.ignore({"feature_extractor_type", "image_processor_type", "processor_class", "_valid_processor_keys"});
  // Of how the reference calls itself.
  json.ignore(
      {"data_format", "default_to_square", "device", "disable_grouping", "input_data_format", "return_tensors"});
  json.finish();
  return config;
}

}  // namespace sora
