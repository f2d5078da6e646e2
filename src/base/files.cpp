// Files that are read whole, and files that appear under their final name only when they are complete.
#include "base/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <utility>

#include "base/text.h"

namespace sora {
namespace {

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISLNK(mode)) return "a symbolic link";
  return S_ISREG(mode) ? "a file" : "a device";
}

constexpr std::string_view kPartPrefix = ".", kPartSuffix = ".part";
constexpr std::string_view kDraftSuffix = ".temp";  // no longer than the other: names are as long as the system takes

[[noreturn]] void fail_existing(const std::filesystem::path& path) {
  fail(Fault::output, "{} exists already; use --overwrite to replace it", shown(path));
}

// The error's name, and what it means where the system's words are vague.
std::string reason(int error) {
  const std::string text = std::strerror(error);
  if (error == ENOSPC) return "the disk is full (" + text + ")";
  if (error == EDQUOT) return "the disk quota is used up (" + text + ")";
  if (error == EFBIG) return "it passes the limit on a file's size (" + text + ")";
  return text;
}

void require_file_name(const std::filesystem::path& path) {
  require(!path.empty(), Fault::output, "the output's name is empty");
  require(path.has_filename() && path.filename() != "." && path.filename() != "..", Fault::output,
          "{}: is the name of a folder, expected that of a file", shown(path));
  const std::size_t longest = NAME_MAX - kPartPrefix.size() - kPartSuffix.size();
  require(path.filename().native().size() <= longest, Fault::output,
          "{}: the file's name has {} bytes, at most {} are possible", shown(path), path.filename().native().size(),
          longest);
}

void require_replaceable(const std::filesystem::path& path, mode_t mode, bool overwrite) {
  require(S_ISREG(mode), Fault::output, "{}: is {}, which is not written to; name a regular file", shown(path),
          kind_of(mode));
  if (!overwrite) fail_existing(path);
}

}  // namespace

std::string read_file(const std::filesystem::path& path, std::int64_t max_bytes, Fault fault) {
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  require(file.get() >= 0, fault, "{}: cannot be opened: {}", shown(path), std::strerror(errno));
  struct stat info {};
  require(fstat(file.get(), &info) == 0, fault, "{}: cannot be examined: {}", shown(path), std::strerror(errno));
  require(S_ISREG(info.st_mode), fault, "{}: is {}, expected a regular file", shown(path), kind_of(info.st_mode));
  require(info.st_size <= max_bytes, fault, "{}: has {} ({} bytes), at most {} ({} bytes) are accepted", shown(path),
          human_bytes(info.st_size), info.st_size, human_bytes(max_bytes), max_bytes);
  // Read to the end and not to st_size: files of /proc say 0, and a file may grow.
  std::string content(static_cast<std::size_t>(info.st_size) + 1, '\0');
  std::size_t filled = 0;
  while (true) {
    if (filled == content.size()) content.resize(2 * content.size());
    const ssize_t n = read(file.get(), content.data() + filled, content.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, fault, "{}: cannot be read: {}", shown(path), std::strerror(errno));
    if (n == 0) break;
    filled += static_cast<std::size_t>(n);
    require(filled <= static_cast<std::size_t>(max_bytes), fault, "{}: has more than {} ({} bytes)", shown(path),
            human_bytes(max_bytes), max_bytes);
  }
  content.resize(filled);
  return content;
}

void require_publishable(const std::filesystem::path& path, bool overwrite) {
  require_file_name(path);
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) return require_replaceable(path, info.st_mode, overwrite);
  // A folder that is missing is created later.
  require(errno == ENOENT, Fault::output, "{}: cannot be written: {}", shown(path), std::strerror(errno));
}

PartFile::PartFile(std::filesystem::path path, bool overwrite, FileOps ops, const std::filesystem::path& root)
    : path_(std::move(path)), overwrite_(overwrite), ops_(std::move(ops)) {
  require_publishable(path_, overwrite_);
  name_ = path_.filename().native();
  part_name_ = std::string(kPartPrefix) + name_ + std::string(kPartSuffix);
  folder_ = open_folder(root);
  open_part();
}

PartFile::~PartFile() {
  if (file_.get() >= 0) unlinkat(folder_.get(), part_name_.c_str(), 0);
}

Descriptor PartFile::open_folder(const std::filesystem::path& root) const {
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  try {
    return open_output_folder(root.empty() ? folder : root, folder, ops_.open_beneath);
  } catch (const Error& error) {
    throw error.within(shown(path_));
  }
}

void PartFile::open_part() {
  // Another process may remove or publish a part file between any two of our calls; then we look again. Each round of a
  // race has a winner who keeps the lock, so that the losers end in an error and not in another round.
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    if (try_to_create()) return;
    remove_if_abandoned();
  }
  fail(Fault::output, "{}: the part file {} keeps changing; is another process writing it?", shown(path_),
       shown(part_name_));
}

// False if there is a part file already.
bool PartFile::try_to_create() {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  Descriptor part(openat(folder_.get(), part_name_.c_str(), kFlags, 0644));
  if (part.get() < 0 && errno == EEXIST) return false;
  if (part.get() < 0) fail_with(errno, "cannot be created");
  // Someone who found the new file before it was locked may have taken it for abandoned, and removed it. A file system
  // without locks leaves us with the protection of O_EXCL.
  const bool taken = flock(part.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (taken || !holds_name(part.get())) return false;
  file_ = std::move(part);
  return true;
}

// Removes the part file of a process that was killed; an error if a process is still writing it.
void PartFile::remove_if_abandoned() {
  const Descriptor part(
      openat(folder_.get(), part_name_.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (part.get() < 0 && errno == ENOENT) return;
  struct stat info {};
  require(part.get() >= 0 && fstat(part.get(), &info) == 0 && S_ISREG(info.st_mode), Fault::output,
          "{}: {} is in the way and is no part file that could be replaced; remove it", shown(path_),
          shown(part_name_));
  if (flock(part.get(), LOCK_EX | LOCK_NB) != 0) {
    require(errno != EWOULDBLOCK, Fault::output, "{}: another process is writing it (it has locked {})", shown(path_),
            shown(part_name_));
    fail_with(errno, "has a part file that cannot be locked; remove it if no other process is writing it");
  }
  if (holds_name(part.get()) && unlinkat(folder_.get(), part_name_.c_str(), 0) != 0) {
    fail_with(errno, "has an abandoned part file that cannot be removed");
  }
}

// True if the open file is the one under the part file's name.
bool PartFile::holds_name(int fd) const {
  struct stat opened {};
  struct stat named {};
  return fstat(fd, &opened) == 0 && fstatat(folder_.get(), part_name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

void PartFile::write(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ops_.write(fd(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with(errno, "cannot be written");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void PartFile::begin_draft() {
  // Only who holds the part file's lock makes it, and at once it has no name: one that is there was left by a kill.
  const std::string name = std::string(kPartPrefix) + name_ + std::string(kDraftSuffix);
  unlinkat(folder_.get(), name.c_str(), 0);
  draft_ = Descriptor(openat(folder_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (draft_.get() < 0 || unlinkat(folder_.get(), name.c_str(), 0) != 0) fail_with(errno, "cannot be created");
}

void PartFile::end_draft(const Seal& seal) {
  const Descriptor draft = std::exchange(draft_, Descriptor());
  seal(draft.get(), file_.get());
}

void PartFile::publish() {
  if (ops_.fsync(file_.get()) != 0) fail_with(errno, "cannot be brought to the disk");
  // A network file system says at close() what it could not store. The second descriptor keeps the lock until the file
  // has its final name.
  Descriptor lock(fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
  if (lock.get() < 0) fail_with(errno, "cannot be closed");
  std::swap(file_, lock);
  if (ops_.close(lock.release()) != 0) fail_with(errno, "cannot be closed");
  give_final_name();
  file_ = Descriptor();
  if (ops_.fsync(folder_.get()) == 0 || errno == EINVAL) return;  // EINVAL: this file system's folders need no fsync
  const int error = errno;
  if (!overwrite_) unlinkat(folder_.get(), name_.c_str(), 0);
  fail_with(error, "its folder cannot be brought to the disk");
}

void PartFile::give_final_name() {
  const unsigned flags = overwrite_ ? 0 : RENAME_NOREPLACE;
  if (ops_.rename(folder_.get(), part_name_.c_str(), folder_.get(), name_.c_str(), flags) == 0) return;
  // NFS and some FUSE file systems cannot rename without replacing; a hard link does not replace either.
  if ((errno == EINVAL || errno == ENOSYS) && !overwrite_) {
    if (linkat(folder_.get(), part_name_.c_str(), folder_.get(), name_.c_str(), 0) == 0) {
      unlinkat(folder_.get(), part_name_.c_str(), 0);
      return;
    }
  }
  if (errno == EEXIST) fail_existing(path_);
  fail_with(errno, "cannot get its final name");
}

void PartFile::fail_with(int error, const char* what) const {
  fail(Fault::output, "{}: {}: {}", shown(path_), what, reason(error));
}

}  // namespace sora
