#include "provenance/reader_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/text.h"
#include "provenance/c2pa_library.h"
#include "sora/error.h"

extern char** environ;

namespace sora {
namespace {

using namespace reader_protocol;

constexpr const char* kProgram = "sora-manifest-reader";
constexpr std::int64_t kMostAnswerBytes = 256 << 20;

Descriptor memory_file(std::string_view bytes) {
  Descriptor file(memfd_create("sora-gen", MFD_CLOEXEC));
  const bool written =
      file.get() >= 0 && write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  require(written, Fault::memory, "out of memory for what is asked of {}: {}", kProgram, std::strerror(errno));
  return file;
}

std::string answer_in(int fd) {
  return read_file("/proc/self/fd/" + std::to_string(fd), kMostAnswerBytes, Fault::input);
}

}  // namespace

ReaderProcess::~ReaderProcess() {
  if (child_ > 0) wait();
}

void ReaderProcess::start() {
  const std::string program = c2pa_folder() / kProgram;
  int ends[2];
  require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, Fault::input, "no socket for {}", kProgram);
  socket_ = Descriptor(ends[0]);
  const Descriptor theirs(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), kSocket);
  // Ctrl-C is for us: it ends when we close the socket.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigaddset(&blocked, SIGTERM);
  posix_spawnattr_setsigmask(&attributes, &blocked);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  char* const arguments[] = {const_cast<char*>(kProgram), nullptr};
  const int error = posix_spawn(&child_, program.c_str(), &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) child_ = -1;
  require(error == 0, Fault::input, "cannot start {}, the part of sora-gen that reads C2PA manifests: {}; build again",
          printable(program, 300), std::strerror(error));
}

// False if nobody listens any more.
bool ReaderProcess::send(int request, int file, int answer) const {
  char byte = 0;
  iovec data{&byte, 1};
  const std::array<int, kDescriptors> descriptors{request, file, answer};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptors)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof descriptors);
  ssize_t n = 0;
  while ((n = sendmsg(socket_.get(), &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
  }
  return n == 1;
}

// The signal that ended it, else 0.
int ReaderProcess::wait() {
  socket_ = Descriptor();
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

ReaderProcess::Answer ReaderProcess::read(int fd, const std::string& type, ManifestFormat format) {
  if (child_ < 0) start();
  const nlohmann::ordered_json request{{"type", type}, {"roots", roots_}, {"crjson", format == ManifestFormat::crjson}};
  const Descriptor asked = memory_file(request.dump()), answer = memory_file("");
  char kind = 0;
  ssize_t n = send(asked.get(), fd, answer.get()) ? 1 : 0;
  if (n == 1) {
    while ((n = recv(socket_.get(), &kind, 1, 0)) < 0 && errno == EINTR) {
    }
  }
  if (n != 1) {
    const int signal = wait();
    require(signal != 0, Fault::input, "{} ended without an answer; run scripts/setup and build again", kProgram);
    return {{}, signal};
  }
  std::string text = answer_in(answer.get());
  require(kind != kError, Fault::input, "{}", text);
  return {{kind == kFound, std::move(text)}};
}

}  // namespace sora
