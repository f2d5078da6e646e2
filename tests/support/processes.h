// Child processes that a test talks to, line by line.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/files.h"

namespace sora::test {

/// A program whose three standard streams are pipes to the test. Killed when the object goes.
class Process {
 public:
  explicit Process(std::vector<std::string> argv) {
    int in[2], out[2], err[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe2 fails");
    }
    std::vector<char*> words;
    for (std::string& word : argv) words.push_back(word.data());
    words.push_back(nullptr);
    scratch_cache(), scratch_data();  // made by this process, which removes them
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork fails");
    if (pid_ == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      dup2(err[1], STDERR_FILENO);
      use_test_environment();
      execvp(words[0], words.data());
      _exit(127);
    }
    for (const int end : {in[0], out[1], err[1]}) close(end);
    in_ = in[1];
    out_ = out[0];
    err_ = err[0];
  }
  Process(Process&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        in_(std::exchange(other.in_, -1)),
        out_(std::exchange(other.out_, -1)),
        err_(std::exchange(other.err_, -1)) {}
  Process& operator=(Process&&) = delete;
  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    for (const int end : {in_, out_, err_}) {
      if (end >= 0) close(end);
    }
  }

  void send(const std::string& line) {
    const std::string text = line + "\n";
    if (write(in_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      throw std::runtime_error("a child does not listen: " + line);
    }
  }
  /// The next line of its standard output, waited for; "(end)" after the last.
  std::string reply() const { return line_of(out_); }
  /// The same of its standard error.
  std::string message() const { return line_of(err_); }
  std::string ask(const std::string& line) {
    send(line);
    return reply();
  }
  /// Ends its standard input.
  void finish() { close(std::exchange(in_, -1)); }
  void signal(int number) const { kill(pid_, number); }
  /// Its exit code, waited for: 128 + n if signal n ended it.
  int exit_code() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  static std::string line_of(int fd) {
    std::string line;
    for (char byte = 0; read(fd, &byte, 1) == 1; line += byte) {
      if (byte == '\n') return line;
    }
    return line.empty() ? "(end)" : line;
  }

  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;
};

}  // namespace sora::test
