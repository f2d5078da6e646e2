// A disk that fails at a chosen moment, for programs that are started with this library in LD_PRELOAD: of the calls
// SORA_FAIL_CALL (write, fsync or rename) to files below SORA_FAIL_FOLDER, number SORA_FAIL_AT (from 1) fails with
// ENOSPC or EIO. That it did says a file SORA_FAIL_FOLDER.failed.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::atomic<int> calls = 0;

const char* setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_watched(int fd) {
  char path[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), path, sizeof path);
  const std::string folder = setting("SORA_FAIL_FOLDER");
  return length > 0 && std::string(path, static_cast<std::size_t>(length)).starts_with(folder);
}

bool fails(const char* call, int fd, int error) {
  const int at = std::atoi(setting("SORA_FAIL_AT"));
  if (at == 0 || std::strcmp(setting("SORA_FAIL_CALL"), call) != 0 || !is_watched(fd)) return false;
  if (++calls != at) return false;
  close(creat((std::string(setting("SORA_FAIL_FOLDER")) + ".failed").c_str(), 0644));
  errno = error;
  return true;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, std::size_t bytes) {
  return fails("write", fd, ENOSPC) ? -1 : real<ssize_t(int, const void*, std::size_t)>("write")(fd, data, bytes);
}

int fsync(int fd) { return fails("fsync", fd, EIO) ? -1 : real<int(int)>("fsync")(fd); }

int renameat2(int from, const char* old_name, int to, const char* new_name, unsigned flags) {
  if (fails("rename", from, EIO)) return -1;
  return real<int(int, const char*, int, const char*, unsigned)>("renameat2")(from, old_name, to, new_name, flags);
}
}
