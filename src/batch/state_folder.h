// The folder in which processes that work on one output folder keep what they tell each other.
#pragma once

#include <filesystem>

#include "base/files.h"

namespace sora {

inline constexpr const char* kStateFolder = ".sora-gen";

/// FOLDER/.sora-gen, opened; both are created where they are missing. Error{output} if it is a link or no folder.
Descriptor open_state_folder(const std::filesystem::path& folder);

}  // namespace sora
