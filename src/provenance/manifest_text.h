// A file's manifests as the C2PA library tells them. Bytes of strangers can make the library run out of memory or stop
// the process, so this is called in sora-manifest-reader alone: see reader_process.h.
#pragma once

#include <string>

namespace sora {

enum class ManifestFormat { report, crjson };

struct ManifestText {
  bool found = false;
  std::string text;  ///< JSON; where nothing is found or can be read, what the library says
};

/// Of an open file of this type; `roots` as in read_manifest(). Error{input} if the file cannot be read or the library
/// is missing.
ManifestText read_manifest_text(int fd, const std::string& type, const std::string& roots, ManifestFormat format);

}  // namespace sora
