// A file of the user's, as libav gets to see it: bytes. libav opens nothing by itself, neither files nor URLs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/files.h"
#include "media/av.h"

namespace sora {

class InputFile {
 public:
  /// Error{input} with the path unless it is a regular file that can be read and is not empty.
  explicit InputFile(const std::filesystem::path& path);
  // libav holds a pointer to this object.
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::int64_t size() const { return size_; }
  /// Fills `bytes` from `offset` on; returns how many there were, fewer at the file's end.
  std::size_t read_at(std::int64_t offset, std::span<std::uint8_t> bytes) const;
  /// For a demuxer; it reads from the start.
  AVIOContext* io();

 private:
  std::filesystem::path path_;
  Descriptor file_;
  std::int64_t size_ = 0, position_ = 0;
  AvPtr<AVIOContext> io_;
};

}  // namespace sora
