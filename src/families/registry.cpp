#include "families/registry.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "families/families.h"

namespace sora {
namespace {

// The three pipelines are three ways to call the same weights.
constexpr std::string_view kForcing = "SkyReels-V2 diffusion forcing, text, image or clip to long video";

constexpr Family kFamilies[] = {
    {"WanPipeline", "Wan 2.1 and 2.2, text to video; with the TI2V layout also from images and clips", wan_traits},
    {"WanImageToVideoPipeline", "Wan 2.1 and 2.2, image to video", wan_traits},
    {"WanVideoToVideoPipeline", "Wan 2.1, text or video to video", wan_traits},
    {"WanVACEPipeline", "Wan 2.1 VACE, text, images, clips and masks to video", wan_vace_traits},
    {"SkyReelsV2Pipeline", "SkyReels-V2, text to video", skyreels_v2_traits},
    {"SkyReelsV2ImageToVideoPipeline", "SkyReels-V2, image to video", skyreels_v2_image_traits},
    {"SkyReelsV2DiffusionForcingPipeline", kForcing, skyreels_v2_forcing_traits},
    {"SkyReelsV2DiffusionForcingImageToVideoPipeline", kForcing, skyreels_v2_forcing_traits},
    {"SkyReelsV2DiffusionForcingVideoToVideoPipeline", kForcing, skyreels_v2_forcing_traits},
};

template <class Class>
struct Known {
  std::string_view name;
  Class value;
};

constexpr Known<TextEncoderClass> kTextEncoders[] = {
    {"T5EncoderModel", TextEncoderClass::t5},
    {"UMT5EncoderModel", TextEncoderClass::umt5},
};

constexpr Known<ImageEncoderClass> kImageEncoders[] = {
    {"CLIPVisionModel", ImageEncoderClass::clip_vision},
    {"CLIPVisionModelWithProjection", ImageEncoderClass::clip_vision},
};

constexpr Known<DenoiserClass> kDenoisers[] = {
    {"SkyReelsV2Transformer3DModel", DenoiserClass::skyreels_v2},
    {"WanTransformer3DModel", DenoiserClass::wan},
    {"WanVACETransformer3DModel", DenoiserClass::wan_vace},
};

constexpr Known<VaeClass> kVaes[] = {
    {"AutoencoderKLWan", VaeClass::wan},
};

constexpr Known<SchedulerClass> kSchedulers[] = {
    {"FlowMatchEulerDiscreteScheduler", SchedulerClass::flow_match_euler},
    {"UniPCMultistepScheduler", SchedulerClass::unipc},
};

// Both names load the same tokenizer in the reference.
constexpr Known<bool> kTokenizers[] = {
    {"T5Tokenizer", true},
    {"T5TokenizerFast", true},
};

// All do the same; only with torchvision at hand would the reference resize otherwise. A CLIPProcessor, which
// diffusers' conversion of SkyReels-V2 I2V saves, hands pictures to its CLIPImageProcessor.
constexpr Known<bool> kImageProcessors[] = {
    {"CLIPImageProcessor", true},
    {"CLIPImageProcessorFast", true},
    {"CLIPImageProcessorPil", true},
    {"CLIPProcessor", true},
};

[[noreturn]] void fail_unknown(const Checkpoint& checkpoint, std::string_view what, const std::string& found,
                               const std::vector<std::string>& known) {
  const std::string file = (checkpoint.folder() / "model_index.json").string();
  const std::string guess = nearest(found, known);
  fail(Fault::input, "{}: {} is \"{}\"{}; supported: {}", file, what, printable(found),
       guess.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", guess), fmt::join(known, ", "));
}

template <class Class, std::size_t N>
Class look_up(const Checkpoint& checkpoint, std::string_view component, const Known<Class> (&table)[N]) {
  const std::string found = checkpoint.component_class(component);
  std::vector<std::string> names;
  for (const auto& known : table) {
    if (known.name == found) return known.value;
    names.emplace_back(known.name);
  }
  fail_unknown(checkpoint, fmt::format("the class of \"{}\"", component), found, names);
}

}  // namespace

std::span<const Family> families() { return kFamilies; }

TextEncoderClass text_encoder_class(const Checkpoint& checkpoint) {
  return look_up(checkpoint, "text_encoder", kTextEncoders);
}

ImageEncoderClass image_encoder_class(const Checkpoint& checkpoint) {
  return look_up(checkpoint, "image_encoder", kImageEncoders);
}

DenoiserClass denoiser_class(const Checkpoint& checkpoint, std::string_view component) {
  return look_up(checkpoint, component, kDenoisers);
}

void require_denoiser(const Checkpoint& checkpoint, std::string_view component, DenoiserClass expected) {
  if (denoiser_class(checkpoint, component) == expected) return;
  const auto known = std::find_if(std::begin(kDenoisers), std::end(kDenoisers),
                                  [&](const auto& each) { return each.value == expected; });
  fail(Fault::input, "{}: the class of \"{}\" is \"{}\"; a {} has a {}",
       (checkpoint.folder() / "model_index.json").string(), component, checkpoint.component_class(component),
       checkpoint.pipeline(), known->name);
}

VaeClass vae_class(const Checkpoint& checkpoint) { return look_up(checkpoint, "vae", kVaes); }

SchedulerClass scheduler_class(const Checkpoint& checkpoint) { return look_up(checkpoint, "scheduler", kSchedulers); }

void require_known_tokenizer(const Checkpoint& checkpoint) { look_up(checkpoint, "tokenizer", kTokenizers); }

void require_known_image_processor(const Checkpoint& checkpoint) {
  look_up(checkpoint, "image_processor", kImageProcessors);
}

Traits read_traits(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) {
    if (family.pipeline == checkpoint.pipeline()) return family.traits(checkpoint);
    names.emplace_back(family.pipeline);
  }
  fail_unknown(checkpoint, "_class_name", checkpoint.pipeline(), names);
}

}  // namespace sora
