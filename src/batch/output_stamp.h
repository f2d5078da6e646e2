// What an output was like when it was finished, to see later whether it still is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace sora {

/// Of a file, or of all files of a numbered sequence together.
struct OutputStamp {
  std::int64_t bytes = 0;
  std::int64_t changed = 0;  ///< the last change, in nanoseconds since 1970
  std::string sha256;        ///< of all bytes, file after file
  bool operator==(const OutputStamp&) const = default;
};

/// `frames` files if `output` is a numbered name. Error{output} if one of them is not there.
OutputStamp stamp_of(const std::filesystem::path& output, int frames);

/// Whether the output is still what it was. Its bytes are read only where size and time do not settle it.
bool is_unchanged(const std::filesystem::path& output, int frames, const OutputStamp& stamp);

}  // namespace sora
