#include "render/task_thread.h"

#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <optional>
#include <utility>

namespace sora {

TaskThread::TaskThread(at::Device device) : thread_([this, device] { work(device); }) {}

TaskThread::~TaskThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ending_ = true;
    tasks_.clear();
  }
  changed_.notify_all();
  thread_.join();
}

void TaskThread::add(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (thrown_) std::rethrow_exception(thrown_);
  tasks_.push_back(std::move(task));
  changed_.notify_all();
}

void TaskThread::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return thrown_ || (tasks_.empty() && !busy_); });
  if (thrown_) std::rethrow_exception(thrown_);
}

void TaskThread::work(at::Device device) {
  const c10::InferenceMode no_gradients;  // a setting of each thread
  std::optional<c10::StreamGuard> own_stream;
  if (!device.is_cpu()) own_stream.emplace(c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device));
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    busy_ = true;
    lock.unlock();
    std::exception_ptr thrown;
    try {
      task();
    } catch (...) {
      thrown = std::current_exception();
    }
    lock.lock();
    busy_ = false;
    if (thrown) {
      thrown_ = thrown;
      tasks_.clear();
    }
    changed_.notify_all();
  }
}

}  // namespace sora
