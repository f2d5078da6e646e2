#include "cli/batch_board.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/interrupt.h"
#include "base/output_name.h"
#include "base/text.h"
#include "cli/decision_log.h"
#include "cli/render_times.h"
#include "cli/report.h"
#include "cli/result_json.h"
#include "cli/settings.h"
#include "cli/sidecar.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

// Videos of a batch are alike: the first few say how long they take.
constexpr int kMostLearned = 5;

bool is_there(const fs::path& path) {
  std::error_code none;
  return fs::symlink_status(path, none).type() != fs::file_type::not_found;
}

// A numbered sequence by its first file, without which there are no others.
fs::path first_file(const fs::path& output) {
  return output_kind(output) == OutputKind::png_sequence ? numbered_path(output, 1) : output;
}

std::vector<fs::path> files_of(const Generate& command, const Plan& plan) {
  if (!has_files(plan.output.path)) return {};
  std::vector<fs::path> files{first_file(plan.output.path)};
  if (writes_sidecar(command)) files.push_back(sidecar_path(plan.output.path));
  return files;
}

ordered_json job_json(const BatchJob& job, std::string_view state, int exit) {
  return {{"index", job.line.index}, {"origin", job.line.origin}, {"state", state}, {"exit", exit}};
}

}  // namespace

BatchBoard::BatchBoard(BatchRun& run, BatchGroup& group) : run_(run), group_(group), outcomes_(group.jobs.size()) {
  for (std::size_t i = 0; i < group_.jobs.size(); ++i) {
    const std::optional<Error>& failure = group_.jobs[i].failure;
    if (failure)
      outcomes_[i] = {.state = group_.jobs[i].refused ? JobState::refused : JobState::failed,
                      .message = failure->what(),
                      .exit = exit_code(failure->fault())};
    else
      settle_by_journal(i);
  }
}

// What the journal says of a job that is pending.
void BatchBoard::settle_by_journal(std::size_t job) {
  if (run_.journal == nullptr) return;
  const JobRecord* record = run_.journal->find(group_.jobs[job].id);
  if (record == nullptr) return;
  Plan& plan = group_.plans[job];
  switch (record->state) {
    case JobRecord::State::started:
      // By a process that is dead or, until its claim is ours, by one that is at it. What lies under the name is ours.
      plan.output.overwrite = true;
      return;
    case JobRecord::State::done:
      if (!is_unchanged(record->output, record->frames, record->stamp)) {
        // Removed, it is made again, and what is left beside it is ours. Altered, it is somebody's work.
        if (!is_there(first_file(record->output))) plan.output.overwrite = true;
        return;
      }
      plan.output.path = record->output;
      outcomes_[job] = {.state = JobState::there};
      return;
    case JobRecord::State::refused:
      // By a policy that now allows it, or by its frames, which would be the same again.
      if (!record->checker.empty() && record->checker == run_.checker)
        outcomes_[job] = {.state = JobState::refused, .message = record->message, .exit = record->exit};
      return;
    case JobRecord::State::failed:
      if (run_.command.retry_failed && record->position < run_.begun_at) return;
      outcomes_[job] = {.state = JobState::given_up, .message = record->message, .exit = record->exit};
      return;
  }
}

void BatchBoard::check_outputs(Problems& problems) {
  for (std::size_t i = 0; i < group_.jobs.size(); ++i) {
    const Plan& plan = group_.plans[i];
    for (const fs::path& file : files_of(run_.command, plan)) {
      if (!pending(i) || plan.output.overwrite || !is_there(file)) continue;
      // Another process of this batch may have made it since the journal was read; it has noted that before it began.
      if (run_.journal != nullptr) run_.journal->refresh();
      settle_by_journal(i);
      if (!pending(i) || plan.output.overwrite) break;
      problems.add(fmt::format(
          "{}: {} exists already, and is not what this batch has made of it; --overwrite replaces it, another --output "
          "leaves it",
          group_.jobs[i].line.origin, shown(file)));
      break;
    }
  }
}

bool BatchBoard::has_pending() const {
  return std::any_of(outcomes_.begin(), outcomes_.end(),
                     [](const JobOutcome& outcome) { return outcome.state == JobState::pending; });
}

void BatchBoard::record_refusal(std::size_t job) {
  if (run_.journal == nullptr) return;
  const JobRecord* last = run_.journal->find(group_.jobs[job].id);
  if (last != nullptr && last->state == JobRecord::State::refused) return;
  JobRecord refusal{.state = JobRecord::State::refused};
  refusal.exit = outcomes_[job].exit;
  refusal.message = outcomes_[job].message;
  record(job, refusal);
}

void BatchBoard::report_known() {
  for (std::size_t i = 0; i < group_.jobs.size(); ++i) {
    const BatchJob& job = group_.jobs[i];
    if (pending(i)) continue;
    if (job.refused) {
      record_refusal(i);
      log_refused(job.line.options.request, *job.refused);
    }
    if (outcomes_[i].state != JobState::there) {
      report_failed(i);
      continue;
    }
    const std::string output = group_.plans[i].output.path.string();
    if (run_.command.json) {
      ordered_json json = job_json(job, "there", 0);
      json["output"] = output;
      write_json(json, -1);
    } else {
      spdlog::debug("{}: {} was made before", job.line.origin, shown(output));
    }
  }
}

// What failed or is refused, before or now.
void BatchBoard::report_failed(std::size_t job) const {
  const JobOutcome& outcome = outcomes_[job];
  const BatchJob& line = group_.jobs[job];
  const bool refused = outcome.state == JobState::refused;
  if (refused)
    say_refused(line.line.origin, outcome.message);
  else
    spdlog::error("{}: {}", line.line.origin, outcome.message);
  if (!run_.command.json) return;
  ordered_json json = job_json(line, refused ? "refused" : "failed", outcome.exit);
  json["output"] = group_.plans[job].output.path.string();
  json["error"] = outcome.message;
  if (line.refused)
    json.update(line.refused->details());
  else if (refused)
    json["code"] = kFramesRefused;
  write_json(json, -1);
}

// Whether the job is now ours and still to be done.
bool BatchBoard::take(std::size_t job, bool wait) {
  const std::string& id = group_.jobs[job].id;
  if (run_.claims != nullptr && !run_.claims->take(id, wait)) return false;
  if (run_.journal != nullptr) run_.journal->refresh();
  settle_by_journal(job);
  if (pending(job)) return true;
  if (run_.claims != nullptr) run_.claims->release(id);
  return false;
}

std::optional<std::size_t> BatchBoard::next() {
  check_interrupted();
  std::optional<std::size_t> found;
  const std::size_t count = group_.jobs.size();
  for (; !found && !run_.stopped && cursor_ < 2 * count; ++cursor_) {
    // A first round through what nobody else is at, then a second to see what has become of the others.
    const std::size_t job = cursor_ % count;
    if (pending(job) && take(job, /*wait=*/cursor_ >= count)) found = job;
  }
  if (!found) return std::nullopt;
  const Plan& plan = group_.plans[*found];
  log_allowed(plan, group_.jobs[*found].id);
  record(*found, {.state = JobRecord::State::started});
  if (progress_ != nullptr) progress_->begin(fmt::format("{}/{}", group_.jobs[*found].line.index, run_.size));
  spdlog::debug("{}: {} is begun", group_.jobs[*found].line.origin, shown(plan.output.path));
  return found;
}

void BatchBoard::record(std::size_t job, JobRecord record) {
  if (run_.journal == nullptr) return;
  record.output = group_.plans[job].output.path;
  record.frames = group_.plans[job].pixel_frames;
  run_.journal->append(group_.jobs[job].id, record);
}

void BatchBoard::finished(std::size_t job, const JobResult& result) {
  const Plan& plan = group_.plans[job];
  const BatchJob& line = group_.jobs[job];
  JobRecord done{.state = JobRecord::State::done};
  if (run_.journal != nullptr) done.stamp = stamp_of(plan.output.path, plan.pixel_frames);
  if (writes_sidecar(run_.command)) {
    if (!model_) model_ = model_json(group_.checkpoint, group_.traits.family);
    write_sidecar(merged(run_.command.settings, line.line.options.settings), plan, result, *model_);
  }
  record(job, done);
  if (run_.claims != nullptr) run_.claims->release(line.id);
  outcomes_[job] = {.state = JobState::made, .seconds = result.seconds.total};
  learn(plan, result);
  for (const std::string& warning : result.quality.warnings) spdlog::warn("{}: {}", line.line.origin, warning);
  if (run_.command.json) {
    ordered_json json = job_json(line, "made", 0);
    json.update(result_json(plan, result));
    write_json(json, -1);
  } else {
    write_line(result.md5.empty() ? result.output : result.md5);
  }
  spdlog::info("{} of {}: {}, {} frames in {}", line.line.index, run_.size, shown(result.output), result.frames_written,
               human_seconds(result.seconds.total));
}

void BatchBoard::learn(const Plan& plan, JobResult result) {
  if (learned_++ >= kMostLearned) return;
  result.seconds.encode_prompt = 0;  // of many videos together
  RenderTimes(group_.checkpoint, plan.placement).learn(plan, result);
}

void BatchBoard::failed(std::size_t job, const Error& error) {
  const bool refused = error.fault() == Fault::refused;
  JobRecord failure{.state = refused ? JobRecord::State::refused : JobRecord::State::failed};
  failure.exit = exit_code(error.fault());
  failure.message = error.what();
  if (refused) failure.checker = run_.checker;
  record(job, failure);
  if (run_.claims != nullptr) run_.claims->release(group_.jobs[job].id);
  outcomes_[job] = {
      .state = refused ? JobState::refused : JobState::failed, .message = failure.message, .exit = failure.exit};
  report_failed(job);
  run_.stopped = run_.command.fail_fast && !refused;
}

}  // namespace sora
