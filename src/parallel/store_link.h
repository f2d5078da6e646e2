// A connection to the store of a launch (c10d's TCPStore), kept alive by a thread of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "sora/group.h"

namespace sora {

struct Patience {
  /// A rank whose counter has stood still for so long is dead, and a store that has not answered for so long is lost.
  std::chrono::milliseconds silence{20'000};
  /// How long ranks wait for each other at the start.
  std::chrono::milliseconds join{120'000};

  std::chrono::milliseconds beat() const { return silence / 10; }
};

/// The store does not answer any more, or never has. What it says is the reason.
class StoreLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// All calls to the store are made by one thread, which besides counts up `beat_key` in it. The caller waits for that
/// thread and not for the network: a machine that goes away without closing its connections blocks a caller of TCPStore
/// for a quarter of an hour.
class StoreLink {
 public:
  /// Hosts the store if `group` says that this rank does. Throws Error{usage} if it cannot, StoreLost if the store is
  /// not reached in `patience.join`, Error{interrupted | terminated} if a signal comes before that.
  static std::unique_ptr<StoreLink> connect(const Group& group, const Patience& patience, const std::string& beat_key);

  StoreLink(const StoreLink&) = delete;
  StoreLink& operator=(const StoreLink&) = delete;
  ~StoreLink();

  /// What is stored under `key` (empty: nothing) after it was replaced by `desired` if it was `expected`. Here and
  /// below StoreLost is thrown, at the latest after `patience.silence`.
  std::string compare_set(const std::string& key, const std::string& expected, const std::string& desired);
  std::string get(const std::string& key) { return compare_set(key, "", ""); }
  /// The counter under `key` after `amount` was added.
  std::int64_t add(const std::string& key, std::int64_t amount);

 private:
  class Worker;
  StoreLink(const Group& group, const Patience& patience, const std::string& beat_key);

  std::unique_ptr<Worker> worker_;
  std::thread thread_;
};

}  // namespace sora
