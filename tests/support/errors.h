// What an action throws, as a value that a test can compare whole.
#pragma once

#include <string>

#include "sora/error.h"

namespace sora::test {

/// The message of the Error that `action` throws; "nothing was thrown" if it throws none, and the fault in front of the
/// message if it is not the one expected.
template <class Action>
std::string error_of(Fault expected, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    if (error.fault() == expected) return error.what();
    return "[fault " + std::to_string(exit_code(error.fault())) + "] " + error.what();
  }
  return "nothing was thrown";
}

}  // namespace sora::test
