// Whether a file ends where its outermost structure says: decoders take the first half of a clip for a shorter clip,
// and of a picture for one with a grey lower half.
#pragma once

#include "media/file_kind.h"
#include "media/input_file.h"

namespace sora {

/// False if there must be more of the file. PNG and BMP are complete to us: their decoders notice.
bool is_complete(const InputFile& file, FileKind kind);

}  // namespace sora
