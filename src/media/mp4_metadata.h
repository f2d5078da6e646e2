// The settings that a video of ours carries.
#pragma once

#include <filesystem>
#include <string>

namespace sora {

/// OutputOptions::metadata, out of the tag `comment` of an MP4 file. Nothing but the headers on the way to it is read,
/// so it does not matter whether the video itself is whole. Error{input} if the file is no MP4 or has no such settings.
std::string read_mp4_metadata(const std::filesystem::path& video);

}  // namespace sora
