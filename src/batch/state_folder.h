// FOLDER/.sora-gen: what a batch keeps beside its videos.
#pragma once

#include <filesystem>

#include "base/files.h"

namespace sora {

inline constexpr const char* kStateFolder = ".sora-gen";

/// Made where it is missing, with `folder`. Error{output}, also if it is a symbolic link.
Descriptor open_state_folder(const std::filesystem::path& folder);

}  // namespace sora
