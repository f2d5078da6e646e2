#include "batch/output_stamp.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/output_name.h"
#include "base/sha256.h"
#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& output, int frames) {
  if (output_kind(output) != OutputKind::png_sequence) return {output};
  std::vector<fs::path> files;
  for (int number = 1; number <= frames; ++number) files.push_back(numbered_path(output, number));
  return files;
}

[[noreturn]] void fail_unread(const fs::path& file, int error) {
  fail(Fault::output, "{}: cannot be read back: {}", shown(file), std::strerror(error));
}

// Size and time, without the digest.
OutputStamp look_at(const std::vector<fs::path>& files) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  OutputStamp stamp;
  for (const fs::path& file : files) {
    struct stat info {};
    if (lstat(file.c_str(), &info) != 0) fail_unread(file, errno);
    require(S_ISREG(info.st_mode), Fault::output, "{}: is no regular file any more", shown(file));
    stamp.bytes += info.st_size;
    stamp.changed = std::max<std::int64_t>(stamp.changed, info.st_mtim.tv_sec * kNanoseconds + info.st_mtim.tv_nsec);
  }
  return stamp;
}

std::string digest_of(const std::vector<fs::path>& files) {
  Sha256 digest;
  std::vector<char> buffer(1 << 20);
  for (const fs::path& file : files) {
    const Descriptor opened(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (opened.get() < 0) fail_unread(file, errno);
    while (true) {
      check_interrupted();
      const ssize_t n = read(opened.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail_unread(file, errno);
      if (n == 0) break;
      digest.update({buffer.data(), static_cast<std::size_t>(n)});
    }
  }
  return digest.hex();
}

}  // namespace

OutputStamp stamp_of(const fs::path& output, int frames) {
  const std::vector<fs::path> files = files_of(output, frames);
  OutputStamp stamp = look_at(files);
  stamp.sha256 = digest_of(files);
  return stamp;
}

bool is_unchanged(const fs::path& output, int frames, const OutputStamp& stamp) {
  const std::vector<fs::path> files = files_of(output, frames);
  try {
    const OutputStamp now = look_at(files);
    if (now.bytes != stamp.bytes) return false;
    return now.changed == stamp.changed || digest_of(files) == stamp.sha256;
  } catch (const Error& error) {
    if (error.fault() != Fault::output) throw;
    return false;  // gone, or unreadable
  }
}

}  // namespace sora
