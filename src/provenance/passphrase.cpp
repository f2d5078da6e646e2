#include "provenance/passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr std::int64_t kMostBytes = 1024;  // as OpenSSL's readers take

/// A terminal that does not show what is typed.
class Silence {
 public:
  explicit Silence(int fd) : fd_(fd), known_(tcgetattr(fd, &before_) == 0) {
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (known_) tcsetattr(fd_, TCSAFLUSH, &silent);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    if (known_) tcsetattr(fd_, TCSAFLUSH, &before_);
  }

 private:
  int fd_;
  termios before_{};
  bool known_;
};

void say(int terminal, const std::string& text) {
  // A question that nobody sees is answered all the same.
  static_cast<void>(!write(terminal, text.data(), text.size()));
}

}  // namespace

std::string read_passphrase(const std::filesystem::path& file) {
  std::string text = read_file(file, kMostBytes, Fault::input);
  text.erase(std::min(text.find_first_of("\r\n"), text.size()));
  require(!text.empty(), Fault::input, "{}: the first line is empty, expected a passphrase", shown(file));
  return text;
}

std::string ask_passphrase(const std::string& question) {
  const Descriptor terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  require(terminal.get() >= 0, Fault::usage,
          "there is no terminal to ask for the passphrase at; give its file with --passphrase-file");
  std::string answer;
  {
    const Silence silence(terminal.get());
    say(terminal.get(), question);
    for (char letter = 0; letter != '\n';) {
      const ssize_t n = read(terminal.get(), &letter, 1);
      check_interrupted();
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      if (letter != '\n' && answer.size() < kMostBytes) answer += letter;
    }
  }
  say(terminal.get(), "\n");
  require(!answer.empty(), Fault::usage, "the passphrase is empty");
  return answer;
}

}  // namespace sora
