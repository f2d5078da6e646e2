// A regular file mapped into memory, read-only. Nothing is read before it is looked at.
#pragma once

#include <filesystem>
#include <string_view>

namespace sora {

class MappedFile {
 public:
  /// Error{input} if the file is not there, is not a regular file (a link to one is fine) or cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {static_cast<const char*>(address_), size_}; }

 private:
  void* address_ = nullptr;  // nullptr for an empty file, which cannot be mapped
  std::size_t size_ = 0;
};

}  // namespace sora
