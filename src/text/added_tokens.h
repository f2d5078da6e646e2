// Tokens that are found in a text as they are written, wherever they stand: "</s>", "<extra_id_0>".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sora/checkpoint.h"
#include "text/spiece_model.h"

namespace sora {

struct AddedToken {
  std::string text;
  std::int64_t id = 0;
  bool normalized = false;  ///< looked for in the normalised text, not in the text as it was typed
};

struct AddedTokens {
  std::vector<std::string> sentinels;  ///< "<extra_id_n>" ... "<extra_id_0>": their ids follow the model's pieces
  std::vector<AddedToken> tokens;      ///< distinct; the sentinels are among them
};

/// The model's control and user-defined pieces, the sentinels, and what tokenizer_config.json adds (`config`: its
/// content). Other keys of that file are bookkeeping of many versions of transformers, and are not read.
AddedTokens read_added_tokens(const SpieceModel& model, JsonObject config);

}  // namespace sora
