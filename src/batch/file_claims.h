// Claims of processes that see one folder: locks on bytes of one file.
#pragma once

#include <fcntl.h>

#include <filesystem>
#include <functional>
#include <string>

#include "base/files.h"
#include "sora/claims.h"

namespace sora {

/// The system call that sets or removes a lock, without waiting. Tests put a failing one in its place.
using SetLock = std::function<int(int fd, struct flock& range)>;

int set_lock(int fd, struct flock& range);  ///< fcntl(F_OFD_SETLK)

/// FOLDER/.sora-gen/claims, an empty file whose byte at the first 63 bits of a job's hash stands for the job. The
/// kernel (on a network file system, its server) drops a process's locks when it dies, so nothing is ever to be cleaned
/// up.
///
/// On a file system without locks every claim is granted, and a warning says so once.
class FileClaims : public Claims {
 public:
  /// Creates what is missing. Throws Error{output}.
  explicit FileClaims(const std::filesystem::path& folder, SetLock set_lock = sora::set_lock);

  bool take(const std::string& job, bool wait) override;
  void release(const std::string& job) override;

 private:
  bool try_take(const std::string& job);
  void require_named() const;

  std::string shown_;  // the file's path, for messages
  SetLock set_lock_;
  bool locks_ = true;
  Descriptor folder_, file_;
};

}  // namespace sora
