// A file of the user's, as libav gets to see it: bytes.
#include "media/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr int kBufferBytes = 1 << 16;

std::int64_t new_position(std::int64_t position, std::int64_t size, std::int64_t offset, int whence) {
  switch (whence & ~AVSEEK_FORCE) {
    case SEEK_SET:
      return offset;
    case SEEK_CUR:
      return position + offset;
    case SEEK_END:
      return size + offset;
    default:
      return AVERROR(EINVAL);
  }
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : path_(path) {
  const std::string name = shown(path);
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  file_ = Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  require(file_.get() >= 0, Fault::input, "{}: cannot be opened: {}", name, std::strerror(errno));
  struct stat info {};
  require(fstat(file_.get(), &info) == 0, Fault::input, "{}: cannot be examined: {}", name, std::strerror(errno));
  require(!S_ISDIR(info.st_mode), Fault::input, "{}: is a folder, expected a picture or a clip", name);
  require(S_ISREG(info.st_mode), Fault::input, "{}: is no regular file, expected a picture or a clip", name);
  require(info.st_size > 0, Fault::input, "{}: is empty, expected a picture or a clip", name);
  size_ = info.st_size;
}

std::size_t InputFile::read_at(std::int64_t offset, std::span<std::uint8_t> bytes) const {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t n =
        pread(file_.get(), bytes.data() + filled, bytes.size() - filled, offset + static_cast<std::int64_t>(filled));
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, Fault::input, "{}: cannot be read: {}", shown(path_), std::strerror(errno));
    if (n == 0) break;
    filled += static_cast<std::size_t>(n);
  }
  return filled;
}

AVIOContext* InputFile::io() {
  const auto read = [](void* opaque, std::uint8_t* data, int size) {
    auto& input = *static_cast<InputFile*>(opaque);
    const ssize_t n = pread(input.file_.get(), data, static_cast<std::size_t>(size), input.position_);
    if (n < 0) return AVERROR(errno);
    input.position_ += n;
    return n == 0 ? AVERROR_EOF : static_cast<int>(n);
  };
  const auto seek = [](void* opaque, std::int64_t offset, int whence) -> std::int64_t {
    auto& input = *static_cast<InputFile*>(opaque);
    if ((whence & ~AVSEEK_FORCE) == AVSEEK_SIZE) return input.size_;
    const std::int64_t position = new_position(input.position_, input.size_, offset, whence);
    if (position < 0) return AVERROR(EINVAL);
    return input.position_ = position;
  };
  auto* buffer = static_cast<std::uint8_t*>(av_malloc(kBufferBytes));
  if (buffer == nullptr) throw std::bad_alloc();
  io_ = av_owned(avio_alloc_context(buffer, kBufferBytes, 0, this, read, nullptr, seek));
  return io_.get();
}

}  // namespace sora
