#include "checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/text.h"

namespace sora {

MappedFile::MappedFile(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  require(file.get() >= 0, Fault::input, "{}: cannot be opened: {}", shown(path), std::strerror(errno));
  struct stat info {};
  require(fstat(file.get(), &info) == 0, Fault::input, "{}: cannot be examined: {}", shown(path), std::strerror(errno));
  require(S_ISREG(info.st_mode), Fault::input, "{}: is not a regular file", shown(path));
  if (info.st_size == 0) return;
  void* address = mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, file.get(), 0);
  require(address != MAP_FAILED, Fault::input, "{}: cannot be mapped into memory: {}", shown(path),
          std::strerror(errno));
  address_ = address;
  size_ = static_cast<std::size_t>(info.st_size);
}

MappedFile::~MappedFile() {
  if (address_ != nullptr) munmap(address_, size_);
}

}  // namespace sora
