#include "cli/standard_input.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/interrupt.h"
#include "sora/error.h"

namespace sora {

std::string read_standard_input(std::string_view flag, std::string_view what, std::size_t enough) {
  if (isatty(STDIN_FILENO) != 0) spdlog::info("reading {} from standard input; end with Ctrl-D", what);
  std::string text;
  std::array<char, 1 << 16> buffer{};
  while (text.size() < enough) {
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got == 0) break;
    if (got < 0 && errno == EINTR) {
      check_interrupted();
      continue;
    }
    require(got > 0, Fault::input, "{}: cannot read standard input: {}", flag, std::strerror(errno));
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace sora
