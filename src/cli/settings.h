// Flags as they are said outside the command line: keys of a JSON object, which are the flags' long names.
#pragma once

#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/flags.h"
#include "cli/problems.h"
#include "sora/checkpoint.h"

namespace sora {

/// The flag that a file may set under this name. Throws Error{usage}, beginning with `place`, if there is none, or one
/// that is said elsewhere: its scope is wider than `widest`.
const Flag<Generate>& flag_for(std::string_view place, std::string_view name, Scope widest);

/// All keys of `json`, each of its flag's type: numbers as numbers, lists as arrays. Their origin is "FILE: KEY".
Settings read_settings(JsonObject json, Scope widest, Problems& problems);

/// What `over` says wins; so does "seconds" of `over` over "num-frames" of `under`, which says the same thing.
Settings merged(Settings under, const Settings& over);

/// Sets what the settings mean, in the order of the flags' table.
void apply_settings(const Settings& settings, Generate& options, Problems& problems);

}  // namespace sora
