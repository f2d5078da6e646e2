// A connection to the store of a launch (c10d's TCPStore), kept alive by a thread of its own.
#include "parallel/store_link.h"

#include <c10/util/Exception.h>
#include <c10/util/Flags.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>

#include "base/interrupt.h"
#include "base/text.h"
#include "sora/error.h"

C10_DECLARE_int(caffe2_log_level);

namespace sora {
namespace {

using c10d::TCPStore;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// c10d prints every failed attempt with its stack trace; what matters of that we say ourselves.
void quiet_c10d() {
  constexpr int kFatalOnly = 3;
  if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = kFatalOnly;
}

std::string first_line(const std::string& text) { return printable(text.substr(0, text.find('\n')), 300); }

}  // namespace

// The thread's side. Where the thread hangs in the network when the link goes, both are left to the end of the process.
class StoreLink::Worker {
 public:
  Worker(const Group& group, const Patience& patience, std::string beat_key)
      : group_(group), patience_(patience), beat_key_(std::move(beat_key)) {}

  void run();               // the thread
  void await_connection();  // the caller, as the rest
  std::string call(std::function<std::string(TCPStore&)> request);
  bool stop();  // false if the thread hangs

 private:
  enum class State { connecting, connected, lost, ended };

  c10::intrusive_ptr<TCPStore> connect() const;
  c10::intrusive_ptr<TCPStore> try_to_connect(milliseconds timeout) const;
  void serve(TCPStore& store);
  void set_state(State state, std::string reason = "");
  bool stopping() const;

  const Group group_;
  const Patience patience_;
  const std::string beat_key_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  State state_ = State::connecting;
  bool stopping_ = false;
  std::string reason_;  // why it is lost
  std::function<std::string(TCPStore&)> request_;
  std::optional<std::string> reply_;
};

void StoreLink::Worker::run() {
  std::string reason;
  try {
    const c10::intrusive_ptr<TCPStore> store = connect();
    set_state(State::connected);
    serve(*store);
    return set_state(State::ended);
  } catch (const c10::Error& error) {
    reason = first_line(error.what_without_backtrace());
  } catch (const std::exception& error) {
    reason = first_line(error.what());
  }
  set_state(State::lost, reason);
}

c10::intrusive_ptr<TCPStore> StoreLink::Worker::try_to_connect(milliseconds timeout) const {
  c10d::TCPStoreOptions options;
  options.port = group_.port;
  options.isServer = group_.hosts_store();
  options.waitWorkers = false;
  options.timeout = timeout;
  return c10::make_intrusive<TCPStore>(group_.address, options);
}

c10::intrusive_ptr<TCPStore> StoreLink::Worker::connect() const {
  // In short attempts, so that the thread ends soon after it is told to.
  constexpr milliseconds kAttempt{5'000};
  const auto end = steady_clock::now() + patience_.join;
  while (true) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
    try {
      return try_to_connect(std::clamp(left, milliseconds{100}, kAttempt));
    } catch (const std::exception&) {
      // The host's own attempt fails because of its address or port; neither gets better.
      if (group_.hosts_store() || stopping() || steady_clock::now() >= end) throw;
    }
  }
}

void StoreLink::Worker::serve(TCPStore& store) {
  auto next_beat = steady_clock::now();
  while (true) {
    if (steady_clock::now() >= next_beat) {
      store.add(beat_key_, 1);
      next_beat = steady_clock::now() + patience_.beat();
    }
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, next_beat, [&] { return stopping_ || request_; });
    if (request_) {
      const auto request = std::exchange(request_, nullptr);
      lock.unlock();
      std::string reply = request(store);
      lock.lock();
      reply_ = std::move(reply);
      changed_.notify_all();
    } else if (stopping_) {
      return;
    }
  }
}

void StoreLink::Worker::set_state(State state, std::string reason) {
  const std::lock_guard lock(mutex_);
  state_ = state;
  reason_ = std::move(reason);
  changed_.notify_all();
}

bool StoreLink::Worker::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void StoreLink::Worker::await_connection() {
  constexpr milliseconds kLook{50};
  // An attempt may outlast its time by as much again, e.g. in a name server.
  const auto end = steady_clock::now() + 2 * patience_.join;
  std::unique_lock lock(mutex_);
  while (state_ == State::connecting && steady_clock::now() < end) {
    changed_.wait_for(lock, kLook);
    check_interrupted();
  }
  if (state_ == State::connected) return;
  const std::string reason = state_ == State::lost ? reason_ : "no answer";
  if (!group_.hosts_store()) throw StoreLost(reason);
  fail(Fault::usage,
       "rank 0 cannot host the queue of this launch at {}:{}: {}; MASTER_ADDR must name this machine and MASTER_PORT a "
       "free port of it",
       printable(group_.address), group_.port, reason);
}

std::string StoreLink::Worker::call(std::function<std::string(TCPStore&)> request) {
  std::unique_lock lock(mutex_);
  reply_.reset();
  request_ = std::move(request);
  changed_.notify_all();
  changed_.wait_for(lock, patience_.silence, [&] { return reply_ || state_ != State::connected; });
  if (reply_) return *std::exchange(reply_, std::nullopt);
  throw StoreLost(state_ == State::lost ? reason_ : "no answer");
}

bool StoreLink::Worker::stop() {
  constexpr milliseconds kLongest{1'000};
  std::unique_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  return changed_.wait_for(lock, kLongest, [&] { return state_ == State::lost || state_ == State::ended; });
}

StoreLink::StoreLink(const Group& group, const Patience& patience, const std::string& beat_key)
    : worker_(std::make_unique<Worker>(group, patience, beat_key)), thread_(&Worker::run, worker_.get()) {}

std::unique_ptr<StoreLink> StoreLink::connect(const Group& group, const Patience& patience,
                                              const std::string& beat_key) {
  quiet_c10d();
  std::unique_ptr<StoreLink> link(new StoreLink(group, patience, beat_key));
  link->worker_->await_connection();
  return link;
}

StoreLink::~StoreLink() {
  if (worker_->stop()) {
    thread_.join();
  } else {
    thread_.detach();
    static_cast<void>(worker_.release());
  }
}

std::string StoreLink::compare_set(const std::string& key, const std::string& expected, const std::string& desired) {
  return worker_->call([=](TCPStore& store) {
    c10d::Store& plain = store;  // whose compareSet takes strings
    return plain.compareSet(key, expected, desired);
  });
}

std::int64_t StoreLink::add(const std::string& key, std::int64_t amount) {
  return std::stoll(worker_->call([=](TCPStore& store) { return std::to_string(store.add(key, amount)); }));
}

}  // namespace sora
