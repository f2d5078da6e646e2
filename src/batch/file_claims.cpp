// Claims of processes that see one folder: locks on bytes of one file.
#include "batch/file_claims.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/interrupt.h"
#include "base/text.h"
#include "batch/state_folder.h"

namespace sora {
namespace {

using std::chrono::milliseconds;

constexpr const char* kName = "claims";

// Asking is a system call (on a network file system, a message), and jobs take minutes.
constexpr milliseconds kFirstPause{20}, kLongestPause{500};

struct flock range_of(const std::string& job, short kind) {
  std::uint64_t bits = 0;
  const char* const end = job.data() + std::min<std::size_t>(job.size(), 16);
  const auto [stop, error] = std::from_chars(job.data(), end, bits, 16);
  require(job.size() == 64 && stop == end && error == std::errc{}, Fault::bug, "a job's name is no SHA-256: {}",
          printable(job));
  struct flock range {};
  range.l_type = kind;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(bits >> 1);
  range.l_len = 1;
  return range;
}

bool has_no_locks(int error) { return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP; }

}  // namespace

// Locks of the open file, not of the process: another FileClaims in the same process excludes us, too, and they survive
// that some other code opens and closes the file.
int set_lock(int fd, struct flock& range) { return fcntl(fd, F_OFD_SETLK, &range); }

FileClaims::FileClaims(const std::filesystem::path& folder, SetLock set_lock)
    : shown_(shown(folder / kStateFolder / kName)), set_lock_(std::move(set_lock)), folder_(open_state_folder(folder)) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  file_ = Descriptor(openat(folder_.get(), kName, kFlags, 0666));
  require(file_.get() >= 0 || (errno != ELOOP && errno != EISDIR), Fault::output,
          "{}: is in the way, expected a file (not a link to one); remove it", shown_);
  require(file_.get() >= 0, Fault::output, "{}: cannot be opened: {}", shown_, std::strerror(errno));
  struct stat info {};
  require(fstat(file_.get(), &info) == 0 && S_ISREG(info.st_mode), Fault::output,
          "{}: is in the way, expected a file; remove it", shown_);
}

bool FileClaims::take(const std::string& job, bool wait) {
  milliseconds pause = kFirstPause;
  // Not F_OFD_SETLKW: a signal that comes just before the call would not end it.
  while (!try_take(job)) {
    if (!wait) return false;
    check_interrupted();
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
  return true;
}

bool FileClaims::try_take(const std::string& job) {
  struct flock range = range_of(job, F_WRLCK);
  if (!locks_) return true;
  if (set_lock_(file_.get(), range) == 0) {
    require_named();
    return true;
  }
  const int error = errno;
  if (error == EAGAIN || error == EACCES || error == EINTR) return false;
  require(has_no_locks(error), Fault::output, "{}: cannot be locked: {}", shown_, std::strerror(error));
  locks_ = false;
  spdlog::warn(
      "{}: this file system has no locks ({}): processes that are started on this folder by themselves would do the "
      "same jobs; ranks under torchrun, srun or mpirun do not",
      shown_, std::strerror(error));
  return true;
}

// Whoever starts after the file was removed makes a new one, and our locks would exclude nobody any more.
void FileClaims::require_named() const {
  struct stat opened {};
  struct stat named {};
  const bool same = fstat(file_.get(), &opened) == 0 &&
                    fstatat(folder_.get(), kName, &named, AT_SYMLINK_NOFOLLOW) == 0 && opened.st_dev == named.st_dev &&
                    opened.st_ino == named.st_ino;
  require(same, Fault::output, "{}: was removed or replaced while processes work with it; start again", shown_);
}

void FileClaims::release(const std::string& job) {
  struct flock range = range_of(job, F_UNLCK);
  // What cannot be unlocked is unlocked when the process ends.
  if (locks_) set_lock_(file_.get(), range);
}

}  // namespace sora
