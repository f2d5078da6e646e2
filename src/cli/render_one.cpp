#include "cli/render_one.h"

#include <utility>

namespace sora {
namespace {

class OneJob final : public JobBoard {
 public:
  std::optional<std::size_t> next() override {
    return std::exchange(begun_, true) ? std::nullopt : std::optional<std::size_t>(0);
  }
  bool pending(std::size_t) const override { return false; }
  void finished(std::size_t, const JobResult& result) override { result_ = result; }
  void failed(std::size_t, const Error& error) override { throw error; }
  const JobResult& result() const { return result_; }

 private:
  bool begun_ = false;
  JobResult result_;
};

}  // namespace

JobResult render_one(const Plan& plan, const Checkpoint& checkpoint, Progress& progress) {
  OneJob job;
  engine().render({&plan, 1}, checkpoint, job, progress);
  return job.result();
}

}  // namespace sora
