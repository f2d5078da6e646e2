// What flags are given besides the command line: variables SORA_GEN_* and config files.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/flags.h"

namespace sora {

/// The variables of this process.
Environment read_environment();

/// "SORA_GEN_VAE_TILE_SIZE" for "vae-tile-size".
std::string variable_of(std::string_view flag);

/// "1", "true", "yes", "on" and their opposites. Throws Error{usage}.
bool is_on(const Value& value);

/// What the variables say of `flags`. A switch is on or off, a list has a value a line. Error{usage} for a variable
/// SORA_GEN_* of which no command knows.
Settings settings_of(const Environment& environment, std::span<const FlagInfo> flags);

/// What a JSON object of flags says. Throws Error{usage}.
Settings settings_of(const std::filesystem::path& file, std::span<const FlagInfo> flags);

/// $XDG_CONFIG_HOME/sora-gen/config.json, else ~/.config/sora-gen/config.json; empty if there is no such file.
std::optional<std::filesystem::path> user_config_file(const Environment& environment);

/// `higher`, and of `lower` what answers none of the same questions: --seconds, --num-frames and --extend-frames all
/// say the length, --quiet and --verbose how much is said.
Settings merged(Settings higher, const Settings& lower);

}  // namespace sora
