// A program that is killed while it works.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/files.h"

namespace sora::test {

/// Exit code of a process that SIGKILL ended.
inline constexpr int kKilled = 128 + SIGKILL;

/// Runs `argv` in `folder` and sends SIGKILL as soon as `now(lines)` is true after a line on its standard error.
/// Returns the exit code; kKilled if it did not come to its end.
inline int run_and_kill(std::vector<std::string> argv, const std::filesystem::path& folder,
                        const std::function<bool(int lines)>& now) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 fails");
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  scratch_cache(), scratch_data();  // made by this process, which removes them
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork fails");
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
    use_test_environment();
    if (chdir(folder.c_str()) == 0) execv(words[0], words.data());
    _exit(127);
  }
  close(ends[1]);
  int lines = 0;
  for (char byte = 0; read(ends[0], &byte, 1) == 1;) {
    if (byte == '\n' && now(++lines)) kill(child, SIGKILL);
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace sora::test
