// The bytes as a file of the user's: refused with Error{input}, or read as often and as large as it was probed, and
// whatever settings it carries. libav itself is as installed, without instrumentation; ours are the headers, boxes,
// sizes, times and turns.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/output_name.h"
#include "media/media_reader.h"
#include "media/mp4_metadata.h"
#include "sora/error.h"

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

/// A file without a name, with a path nevertheless.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : fd_(memfd_create("media", MFD_CLOEXEC)) {
    check(fd_ >= 0 && write(fd_, data, size) == static_cast<ssize_t>(size));
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { close(fd_); }
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

void read_as_probed(const std::filesystem::path& path) {
  constexpr int kFewFrames = 8, kSmall = 1 << 20;
  const sora::MediaInfo info = sora::probe_media(path);
  check(info.frames > 0 && info.size.width > 0 && info.size.height > 0 && info.image == (info.frames == 1));
  if (info.size.width * info.size.height > kSmall) return;
  const sora::Rational fps = info.image ? sora::Rational{24, 1} : info.fps;
  const int expected = std::min(sora::frames_at(info, fps), kFewFrames);
  int seen = 0;
  sora::read_media(path, fps, 0, expected, [&](const sora::Frames& frame) {
    check(sora::PixelSize{frame.width, frame.height} == info.size);
    check(frame.rgb.size() == std::size_t{3} * frame.width * frame.height);
    ++seen;
  });
  check(seen == expected);
}

void read_settings(const std::filesystem::path& path) {
  const std::string settings = sora::read_mp4_metadata(path);
  check(settings.starts_with(sora::kMetadataBegins) && settings.size() <= sora::kMostMetadataBytes);
}

template <class Read>
void read_or_refuse(const Read& read, const MemoryFile& file) {
  try {
    read(file.path());
  } catch (const sora::Error& error) {
    check(error.fault() == sora::Fault::input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  read_or_refuse(read_settings, file);
  read_or_refuse(read_as_probed, file);
  return 0;
}
