#include "base/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>

#include "sora/error.h"

namespace sora {
namespace {

std::atomic<int> caught_signal = 0;  // set by a signal handler, read by any thread
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void stop_soon(int signal) {
  if (caught_signal != 0) _exit(128 + signal);
  caught_signal = signal;
}

extern "C" void mapped_file_shrank(int) {
  constexpr char kText[] =
      "sora-gen: error: a model file became shorter while it was read; is it still being downloaded?\n";
  if (write(STDERR_FILENO, kText, sizeof kText - 1) < 0) _exit(exit_code(Fault::input));
  _exit(exit_code(Fault::input));
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

}  // namespace

void install_signal_handlers() {
  handle(SIGINT, stop_soon);
  handle(SIGTERM, stop_soon);
  handle(SIGBUS, mapped_file_shrank);
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);
}

void check_interrupted() {
  const int signal = caught_signal;
  if (signal == 0) return;
  fail(signal == SIGINT ? Fault::interrupted : Fault::terminated,
       "stopped by {}; nothing was left under the output's name", signal == SIGINT ? "SIGINT" : "SIGTERM");
}

}  // namespace sora
