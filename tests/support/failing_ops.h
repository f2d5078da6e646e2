// A disk that fails at a chosen moment.
#pragma once

#include <cerrno>
#include <string>

#include "base/files.h"

namespace sora::test {

/// The real system calls, of which number `fail_at` (counted from 1 over all of them) fails with `error`.
/// The object must outlive what uses its ops().
class FailingOps {
 public:
  explicit FailingOps(int fail_at, int error = EIO) : fail_at_(fail_at), error_(error) {}
  FailingOps(const FailingOps&) = delete;
  FailingOps& operator=(const FailingOps&) = delete;

  FileOps ops() {
    FileOps real, ops;
    ops.write = [this, real](int fd, const void* data, std::size_t bytes) -> ssize_t {
      return fails("write") ? -1 : real.write(fd, data, bytes);
    };
    ops.fsync = [this, real](int fd) { return fails("fsync") ? -1 : real.fsync(fd); };
    ops.close = [this, real](int fd) {
      const int closed = real.close(fd);  // a close that reports an error has closed all the same
      return fails("close") ? -1 : closed;
    };
    ops.rename = [this, real](int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
      return fails("rename") ? -1 : real.rename(from_folder, from, to_folder, to, flags);
    };
    return ops;
  }

  bool has_failed() const { return calls_ >= fail_at_; }
  /// The call that failed.
  const std::string& failed() const { return failed_; }

 private:
  bool fails(const char* call) {
    if (++calls_ != fail_at_) return false;
    failed_ = call;
    errno = error_;
    return true;
  }

  int fail_at_, error_;
  int calls_ = 0;
  std::string failed_;
};

}  // namespace sora::test
