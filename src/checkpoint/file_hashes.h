// What is known of a checkpoint's files without their source: hashes, and whether the bytes on disk still have them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace sora {

struct ExpectedFile {
  std::filesystem::path name;  ///< from the checkpoint's folder
  std::string hash;            ///< 64 hexadecimal digits: SHA-256; 40: SHA-1 as git names a blob
};

struct ExpectedFiles {
  std::string source;  ///< who says so, for people; empty if nobody does
  std::vector<ExpectedFile> files;
};

/// Of a snapshot in the Hugging Face cache: its links, which are named after what they lead to. Else of a file
/// SHA256SUMS in the folder, as sha256sum writes it; else of what `hf download --local-dir` notes beside its files.
/// Error{input} for a SHA256SUMS that cannot be read.
ExpectedFiles expected_files(const std::filesystem::path& folder);

/// The hash of a file's bytes, of the same kind as `expected`. `on_read` is called with the number of bytes of each
/// piece. Throws Error{input}, and for a signal.
std::string hash_like(const std::string& expected, const std::filesystem::path& file,
                      const std::function<void(std::int64_t)>& on_read);

/// Of a whole file, whoever asks for it; throws as hash_like() does.
std::string sha256_of_file(const std::filesystem::path& file);

}  // namespace sora
