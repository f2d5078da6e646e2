// Who works on which job, among processes that share a queue.
#pragma once

#include <string>

namespace sora {

/// A claim says only who works on a job now. That a job is done is said elsewhere (the batch's journal), and is to be
/// read again after a claim has been taken: whoever had it before may have finished the job.
class Claims {
 public:
  virtual ~Claims() = default;

  /// True: `job` (64 hexadecimal digits, a SHA-256) is this process's until release() or until the process ends,
  /// however it ends. False: another living process has it; with `wait` that is never the answer, but waited for.
  /// Throws Error{interrupted | terminated} if a signal comes while it waits.
  virtual bool take(const std::string& job, bool wait) = 0;

  /// Gives `job` to whoever asks next. To be called when what the job made can be seen by others.
  virtual void release(const std::string& job) = 0;
};

}  // namespace sora
