// What a file is, by its first bytes and never by its name; and how large a picture file says it is.
#pragma once

#include <optional>

#include "media/input_file.h"
#include "sora/geometry.h"

namespace sora {

enum class FileKind { png, jpeg, webp, bmp, gif, mov, matroska, avi };

/// A file that holds one picture and no clock.
bool is_picture(FileKind kind);
/// libav's name of the demuxer of a clip.
const char* demuxer_of(FileKind kind);

/// Error{input} with the path, what the file begins with, and the kinds that can be read. Playlists, which make libav
/// open other files, are none of them.
FileKind file_kind(const InputFile& file);

/// Width and height in the header of a picture; nothing is decoded. Empty for clips, and if they are not where they
/// should be.
std::optional<PixelSize> declared_size(const InputFile& file, FileKind kind);

/// Offset of a JPEG's frame header, in which its size stands.
std::optional<std::int64_t> jpeg_frame_header(const InputFile& file);

/// An animated WebP, which libav cannot decode.
bool is_animated_webp(const InputFile& file);

}  // namespace sora
