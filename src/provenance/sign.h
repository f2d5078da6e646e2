// Writes a C2PA manifest into an MP4.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "provenance/record.h"
#include "provenance/signer.h"

namespace sora {

struct SignOptions {
  std::string tsa = {};  ///< URL of a time-stamp authority (RFC 3161): the only thing that is ever connected to
  bool accept_broken_sources = false;
};

/// What a source's own manifest says of it.
struct SourceFinding {
  std::filesystem::path path;
  std::string type;            ///< MIME's
  bool can_be_opened = false;  ///< it goes into the manifest with its own; else by name alone
  bool has_manifest = false;
  std::vector<std::string> faults;  ///< why it is not valid; "code: explanation"
};

struct SignedVideo {
  std::string manifest;  ///< its label
  std::int64_t manifest_bytes = 0;
  std::vector<SourceFinding> sources;  ///< in the order of ProvenanceRecord::sources
};

/// Copies the MP4 `from` to `to`, both open files, with a manifest in it. `to` is emptied first; it is read, too.
/// Memory does not grow with the file. Whatever fails is an Error: input where a source's own manifest is broken
/// (unless accepted), the library is missing or the signer is refused; output where the disk or the authority fails.
/// Then `to` is worth nothing.
SignedVideo sign_mp4(int from, int to, const ProvenanceRecord& record, const Signer& signer,
                     const SignOptions& options = {});
/// The same for files by name: `to` appears only when it is whole.
SignedVideo sign_mp4(const std::filesystem::path& from, const std::filesystem::path& to, const ProvenanceRecord& record,
                     const Signer& signer, const SignOptions& options = {});

/// Looks at the sources before anything is rendered: what sign_mp4() would say of them. Error{input} likewise.
std::vector<SourceFinding> check_sources(const std::vector<SourceMedia>& sources, bool accept_broken);

}  // namespace sora
