// The one exception type of the program, and what it means to a script that runs it.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace sora {

/// Why something failed. The values are the exit codes of the process (see README.md).
enum class Fault {
  bug = 1,            ///< a broken invariant of ours; no user input may reach it
  usage = 2,          ///< a flag or a config file
  some_failed = 3,    ///< videos of a batch; the others are there
  input = 4,          ///< a model or an input file
  output = 5,         ///< disk full, permission, an existing file
  memory = 6,         ///< out of memory, on the host or on the device
  verification = 7,   ///< what was checked is not what it should be
  refused = 8,        ///< a prompt by the policy, or frames by their checker
  interrupted = 130,  ///< SIGINT
  terminated = 143,   ///< SIGTERM
};

constexpr int exit_code(Fault fault) noexcept { return static_cast<int>(fault); }

/// The message says what was found, where, what was expected and the remedy.
class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& message) : std::runtime_error(message), fault_(fault) {}
  Fault fault() const noexcept { return fault_; }
  /// The same error with `place: ` in front; used at borders (file, component, job), not at every call.
  Error within(const std::string& place) const { return {fault_, place + ": " + what()}; }

 private:
  Fault fault_;
};

template <class... Args>
[[noreturn]] void fail(Fault fault, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(fault, fmt::format(text, std::forward<Args>(args)...));
}

/// Throws Error{fault} with the formatted text unless `ok`.
template <class... Args>
void require(bool ok, Fault fault, fmt::format_string<Args...> text, Args&&... args) {
  if (!ok) fail(fault, text, std::forward<Args>(args)...);
}

}  // namespace sora
