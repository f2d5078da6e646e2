// The only list of what is supported: pipelines and component classes, by the names that the checkpoint's own JSON
// states.
#pragma once

#include <span>
#include <string_view>

#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

struct Family {
  std::string_view pipeline;  ///< _class_name of model_index.json
  std::string_view what;      ///< for people
  Traits (*traits)(const Checkpoint&);
};
std::span<const Family> families();

enum class TextEncoderClass { t5, umt5 };
enum class ImageEncoderClass { clip_vision };
enum class DenoiserClass { wan, wan_vace, skyreels_v2 };
enum class VaeClass { wan };
enum class SchedulerClass { flow_match_euler, unipc };

/// Each throws Error{input} that names model_index.json, the class found and the classes known.
TextEncoderClass text_encoder_class(const Checkpoint& checkpoint);
ImageEncoderClass image_encoder_class(const Checkpoint& checkpoint);
DenoiserClass denoiser_class(const Checkpoint& checkpoint, std::string_view component);
/// The pipeline has denoisers of one class.
void require_denoiser(const Checkpoint& checkpoint, std::string_view component, DenoiserClass expected);
VaeClass vae_class(const Checkpoint& checkpoint);
SchedulerClass scheduler_class(const Checkpoint& checkpoint);
void require_known_tokenizer(const Checkpoint& checkpoint);
void require_known_image_processor(const Checkpoint& checkpoint);

/// Traits of any supported checkpoint, from its configs alone: all of them are read and checked here, no weight is.
Traits read_traits(const Checkpoint& checkpoint);

}  // namespace sora
