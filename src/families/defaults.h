// What a checkpoint renders by default, from configs/*.json.
#pragma once

#include <string>

#include "architecture/wan_transformer.h"
#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// The facts of a checkpoint that configs/*.json may match on.
struct CheckpointFacts {
  std::string pipeline;
  int experts = 1, num_layers = 0, num_attention_heads = 0, in_channels = 0;
  int pos_embed_seq_len = 0;  ///< 0 for null
};
CheckpointFacts facts_of(const Checkpoint& checkpoint, int experts, const WanTransformerConfig& denoiser);

/// The defaults of the most specific file that matches. There is one for every pipeline of the registry (a test says
/// so).
Defaults read_defaults(const CheckpointFacts& facts);

}  // namespace sora
