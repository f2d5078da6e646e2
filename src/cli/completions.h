// What the completion scripts of all shells are made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/flags.h"

namespace sora {

/// How many words a command's name has.
int words_of(std::string_view command);

/// "_sora_gen_models_verify" for "models verify".
std::string function_of(std::string_view command);

/// "-o" and "--output".
std::vector<std::string> spellings(const FlagInfo& flag);

/// `script` with `lines` in place of its "@commands@".
std::string filled(std::string_view script, std::string_view lines);

}  // namespace sora
