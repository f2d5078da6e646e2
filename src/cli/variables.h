// What flags are given by the environment: variables SORA_GEN_*, and the user's own config file.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/flags.h"

namespace sora {

/// The variables of this process.
Variables read_variables();

/// "SORA_GEN_VAE_TILE_SIZE" for "vae-tile-size".
std::string variable_of(std::string_view flag);

/// "1", "true", "yes", "on" and their opposites. Throws Error{usage}.
bool is_on(const Value& value);

/// What the variables say of `flags`. A switch is on or off, a list has a value a line. Error{usage} for a variable
/// SORA_GEN_* of which no command knows.
Settings settings_of(const Variables& variables, std::span<const FlagInfo> flags);

/// $XDG_CONFIG_HOME/sora-gen/config.json, else ~/.config/sora-gen/config.json; empty if there is no such file.
std::optional<std::filesystem::path> user_config_file(const Variables& variables);

}  // namespace sora
