// What is wrong with many things, said at once: a user with 200 lines wants to repair them in one go.
#pragma once

#include <string>
#include <vector>

#include "sora/error.h"

namespace sora {

class Problems {
 public:
  void add(std::string message);
  /// Adds the message if `action` throws an Error{usage}; any other goes on. Whether nothing was thrown.
  template <class Action>
  bool collect(Action&& action) {
    try {
      action();
      return true;
    } catch (const Error& error) {
      if (error.fault() != Fault::usage) throw;
      add(error.what());
      return false;
    }
  }
  int count() const { return count_; }
  /// Error{usage} with a line for each, in the order in which they came; after 20, how many more there are.
  void throw_if_any() const;

 private:
  int count_ = 0;
  std::vector<std::string> first_;
};

}  // namespace sora
