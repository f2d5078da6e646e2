// The user's pictures and clips as 8-bit RGB, as a player would show them.
#pragma once

#include <filesystem>
#include <functional>

#include "sora/frame_sink.h"
#include "sora/geometry.h"
#include "sora/media_info.h"

namespace sora {

/// Decodes the whole file: what is damaged or incomplete is refused here and not in the middle of a render.
/// Error{input} with the path and what was found.
MediaInfo probe_media(const std::filesystem::path& path);

/// Frames [first, first + count) of a clip at `fps`, one at a time, in memory that is valid during the call; its size
/// is MediaInfo::size. Frame i shows the last of the file's pictures that has begun at i / fps (to a millisecond, which
/// is how exact times are in Matroska); there are frames_at(probe_media(path), fps) of them. A picture is frame 0 at
/// any fps. Error{input} as above, or if there are fewer frames.
using FramesFn = std::function<void(const Frames& frame)>;
void read_media(const std::filesystem::path& path, const Rational& fps, int first, int count, const FramesFn& emit);

}  // namespace sora
