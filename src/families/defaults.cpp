#include "families/defaults.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "families/defaults_data.h"
#include "sora/checkpoint.h"
#include "sora/error.h"

namespace sora {
namespace {

// Number of facts that `match` names, or nothing if one of them does not hold.
std::optional<int> specificity(JsonObject match, const CheckpointFacts& facts) {
  int named = 0;
  bool holds = true;
  const auto check = [&](std::string_view key, const auto& value) {
    if (!match.has(key)) return;
    ++named;
    holds = match.read<std::decay_t<decltype(value)>>(key) == value && holds;
  };
  if (match.has("pipelines")) {
    ++named;
    const auto pipelines = match.read<std::vector<std::string>>("pipelines");
    holds = std::find(pipelines.begin(), pipelines.end(), facts.pipeline) != pipelines.end();
  }
  check("experts", facts.experts);
  check("num_layers", facts.num_layers);
  check("num_attention_heads", facts.num_attention_heads);
  check("in_channels", facts.in_channels);
  check("pos_embed_seq_len", facts.pos_embed_seq_len);
  match.finish();
  return holds ? std::optional(named) : std::nullopt;
}

Defaults parse_defaults(JsonObject json) {
  json.ignore({"match", "name"});
  Defaults defaults;
  defaults.size = {json.read<int>("width"), json.read<int>("height")};
  defaults.num_frames = json.read<int>("num_frames");
  defaults.fps = {json.read<int>("fps"), 1};
  defaults.steps = json.read<int>("steps");
  defaults.guidance_scale = json.read<double>("guidance_scale");
  defaults.guidance_scale_2 = json.read_optional<double>("guidance_scale_2");
  defaults.negative_prompt = json.read<std::string>("negative_prompt");
  defaults.window_frames = json.read<int>("window_frames");
  defaults.overlap_frames = json.read<int>("overlap_frames");
  json.finish();
  return defaults;
}

const EmbeddedConfig& best_match(const CheckpointFacts& facts) {
  const EmbeddedConfig* best = nullptr;
  int most = -1;
  for (const EmbeddedConfig& config : embedded_configs()) {
    JsonObject json(config.text, config.file, Fault::bug);
    const auto named = specificity(json.read_object("match"), facts);
    if (named && *named > most) {
      most = *named;
      best = &config;
    }
  }
  require(best != nullptr, Fault::bug, "no file of configs/ matches the pipeline {}", facts.pipeline);
  return *best;
}

}  // namespace

CheckpointFacts facts_of(const Checkpoint& checkpoint, int experts, const WanTransformerConfig& denoiser) {
  return {checkpoint.pipeline(),
          experts,
          static_cast<int>(denoiser.num_layers),
          static_cast<int>(denoiser.num_attention_heads),
          static_cast<int>(denoiser.in_channels),
          static_cast<int>(denoiser.pos_embed_seq_len.value_or(0))};
}

Defaults read_defaults(const CheckpointFacts& facts) {
  const EmbeddedConfig& config = best_match(facts);
  return parse_defaults(JsonObject(config.text, config.file, Fault::bug));
}

}  // namespace sora
