// Where this user's programs keep what they can make again, and what they cannot (the XDG base directories).
#pragma once

#include <filesystem>

namespace sora {

/// $XDG_CACHE_HOME/sora-gen, else ~/.cache/sora-gen; empty where neither is set to a whole path.
std::filesystem::path user_cache_folder();

/// $XDG_DATA_HOME/sora-gen, else ~/.local/share/sora-gen. Error{usage} where neither is set to a whole path.
std::filesystem::path user_data_folder();

}  // namespace sora
