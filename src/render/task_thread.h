// Work that goes on beside the thread that gives it, in the order in which it is given.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "sora/tensor.h"

namespace sora {

class TaskThread {
 public:
  /// On other devices than the CPU, tasks have a stream of their own.
  explicit TaskThread(at::Device device);
  /// Tasks that have not begun are dropped; the one that runs is waited for, and may ask stopping() to end early.
  ~TaskThread();
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  /// Throws what a task before has thrown; none runs after that one.
  void add(std::function<void()> task);
  /// Waits for all tasks. Throws what one of them has thrown.
  void finish();
  /// Whether the result of tasks is of no use any more.
  bool stopping() const { return stopping_; }

 private:
  void work(at::Device device);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool busy_ = false, ending_ = false;
  std::atomic<bool> stopping_ = false;
  std::exception_ptr thrown_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace sora
