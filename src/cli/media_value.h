// Values that name images and clips, and scenes.
#pragma once

#include <filesystem>

#include "cli/value.h"
#include "sora/request.h"

namespace sora {

/// A file name that is not empty.
std::filesystem::path file_of(const Value& value);
/// "cat.png@0", "clip.mp4@-1", "clip.mp4#3-7@9", "clip.mp4#3@9": frames of the media, and where the first of them goes.
Given given_of(const Value& value);
/// "2.5: the ball stops".
SceneWish scene_of(const Value& value);

}  // namespace sora
