// What a picture or clip of the user's says of itself in words.
#pragma once

#include <filesystem>
#include <vector>

#include "sora/engine.h"

namespace sora {

/// Engine::captions.
std::vector<Caption> read_captions(const std::filesystem::path& media);

}  // namespace sora
