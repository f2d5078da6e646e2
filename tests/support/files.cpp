#include "support/files.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace sora::test {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail_with_errno(const std::string& what, int error = errno) {
  throw std::system_error(error, std::generic_category(), what);
}

// A file without a name: the child writes it or reads it, the parent never has to keep a pipe moving.
class AnonymousFile {
 public:
  explicit AnonymousFile(const std::string& content = "") : fd_(memfd_create("run_program", MFD_CLOEXEC)) {
    if (fd_ < 0) fail_with_errno("memfd_create");
    for (std::size_t at = 0; at < content.size();) {
      const ssize_t n = write(fd_, content.data() + at, content.size() - at);
      if (n < 0) fail_with_errno("write");
      at += static_cast<std::size_t>(n);
    }
    lseek(fd_, 0, SEEK_SET);
  }
  ~AnonymousFile() { close(fd_); }
  AnonymousFile(const AnonymousFile&) = delete;
  AnonymousFile& operator=(const AnonymousFile&) = delete;

  int fd() const { return fd_; }
  std::string content() const {
    std::string text(static_cast<std::size_t>(lseek(fd_, 0, SEEK_END)), '\0');
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t n = pread(fd_, text.data() + at, text.size() - at, static_cast<off_t>(at));
      if (n <= 0) fail_with_errno("pread");
      at += static_cast<std::size_t>(n);
    }
    return text;
  }

 private:
  int fd_;
};

std::vector<std::string> environment_with(std::map<std::string, std::string> changes) {
  changes.emplace("XDG_CONFIG_HOME", kNoConfigHome);
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!text.starts_with("SORA_GEN_") && !changes.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : changes) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

int wait_for(pid_t child, std::chrono::milliseconds timeout, const std::string& program) {
  const auto handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  if (handle < 0) fail_with_errno("pidfd_open");
  pollfd ended{handle, POLLIN, 0};
  const bool in_time = poll(&ended, 1, static_cast<int>(timeout.count())) == 1;
  close(handle);
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) throw std::runtime_error(program + ": not finished at the timeout; killed");
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TempDir::TempDir() {
  std::string name = (fs::temp_directory_path() / "sora-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) fail_with_errno(name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

ScopedEnv::ScopedEnv(std::string name, const char* value) : name_(std::move(name)) {
  const char* before = std::getenv(name_.c_str());
  was_set_ = before != nullptr;
  if (was_set_) before_ = before;
  value != nullptr ? setenv(name_.c_str(), value, 1) : unsetenv(name_.c_str());
}

ScopedEnv::~ScopedEnv() { was_set_ ? setenv(name_.c_str(), before_.c_str(), 1) : unsetenv(name_.c_str()); }

fs::path data(std::string_view name) {
  const char* elsewhere = std::getenv("SORA_TEST_DATA");
  const fs::path path = fs::path(elsewhere != nullptr ? elsewhere : SORA_SOURCE_DIR "/tests/data") / name;
  if (!fs::exists(path)) throw std::runtime_error("test data is missing: " + path.string());
  return path;
}

void write_file(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

const fs::path& scratch_cache() {
  static const TempDir folder;
  return folder.path();
}

const fs::path& scratch_data() {
  static const TempDir folder;
  return folder.path();
}

void use_test_environment() {
  setenv("XDG_CONFIG_HOME", kNoConfigHome, 1);
  setenv("XDG_CACHE_HOME", scratch_cache().c_str(), 1);
  setenv("XDG_DATA_HOME", scratch_data().c_str(), 1);
  for (const auto& [name, value] : kWithoutMarks) setenv(name.c_str(), value.c_str(), 1);
}

RunResult run_program(const std::vector<std::string>& argv, const RunOptions& options) {
  const AnonymousFile in(options.input), out, err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.fd(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.fd(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.fd(), STDERR_FILENO);
  if (!options.working_directory.empty())
    posix_spawn_file_actions_addchdir_np(&actions, options.working_directory.c_str());

  std::map<std::string, std::string> env = options.env;
  env.try_emplace("XDG_CACHE_HOME", scratch_cache().string());
  env.try_emplace("XDG_DATA_HOME", scratch_data().string());
  if (!options.marks)
    for (const auto& [name, value] : kWithoutMarks) env.try_emplace(name, value);
  std::vector<std::string> arguments = argv, environment = environment_with(env);
  pid_t child = 0;
  const int error = posix_spawnp(&child, argv.at(0).c_str(), &actions, nullptr, pointers(arguments).data(),
                                 pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail_with_errno(argv[0], error);
  const int exit_code = wait_for(child, options.timeout, argv[0]);
  return {exit_code, out.content(), err.content()};
}

}  // namespace sora::test
