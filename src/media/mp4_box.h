// The boxes that MP4 and QuickTime files are made of.
#pragma once

#include <cstdint>
#include <string>

#include "media/input_file.h"

namespace sora {

/// <32-bit size> <name> ..., or 1 <name> <64-bit size> ..., or 0 <name> ... up to the file's end.
struct Mp4Box {
  std::string name;        ///< four bytes, whatever they are; fewer at the file's end
  std::uint64_t size = 0;  ///< with its header; what the file says, which may be nonsense
  int header_bytes = 8;
};
Mp4Box mp4_box_at(const InputFile& file, std::int64_t offset);

}  // namespace sora
