// The jobs of a batch as they are handed out, and what became of them: in the journal, on standard output, in the
// summary.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "batch/journal.h"
#include "cli/batch_plan.h"
#include "cli/problems.h"
#include "sora/claims.h"
#include "sora/engine.h"
#include "sora/progress.h"

namespace sora {

enum class JobState {
  pending,
  made,      ///< by this process
  there,     ///< made before, or by another process
  failed,    ///< now
  refused,   ///< by the prompt policy, or now or before by the frame checker
  given_up,  ///< failed before, or in another process; --retry-failed tries again
};

struct JobOutcome {
  JobState state = JobState::pending;
  std::string message = {};  ///< of a failure
  int exit = 0;              ///< of a failure
  double seconds = 0;        ///< made
};

/// What all groups of a batch share. `journal` and `claims` are null where the outputs are no files.
struct BatchRun {
  const Generate& command;
  Journal* journal = nullptr;
  Claims* claims = nullptr;
  std::size_t size = 0;       ///< videos in all groups
  std::int64_t begun_at = 0;  ///< what stood in the journal then is of earlier runs
  bool stopped = false;       ///< --fail-fast, after a failure
  std::string checker = {};   ///< identity_of() the frame checker; empty: there is none
};

class BatchBoard final : public JobBoard {
 public:
  BatchBoard(BatchRun& run, BatchGroup& group);

  /// Adds, for each job that is to be done, what is in its way: an output that is there already and not ours.
  void check_outputs(Problems& problems);
  /// Prints the results of jobs that were done before or are refused, and notes in the journal which are refused.
  void report_known();
  bool has_pending() const;
  const std::vector<JobOutcome>& outcomes() const { return outcomes_; }
  void set_progress(Progress& progress) { progress_ = &progress; }

  std::optional<std::size_t> next() override;
  bool pending(std::size_t job) const override { return outcomes_[job].state == JobState::pending; }
  void finished(std::size_t job, const JobResult& result) override;
  void failed(std::size_t job, const Error& error) override;

 private:
  bool take(std::size_t job, bool wait);
  void settle_by_journal(std::size_t job);
  void report_failed(std::size_t job) const;
  void record_refusal(std::size_t job);
  void record(std::size_t job, JobRecord record);
  void learn(const Plan& plan, JobResult result);

  BatchRun& run_;
  BatchGroup& group_;
  std::vector<JobOutcome> outcomes_;
  std::size_t cursor_ = 0;
  int learned_ = 0;
  Progress* progress_ = nullptr;
  std::optional<nlohmann::ordered_json> model_;  // for sidecars: digests take a while
};

}  // namespace sora
