#include "cli/batch.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/machine.h"
#include "base/output_name.h"
#include "base/text.h"
#include "batch/both_claims.h"
#include "batch/file_claims.h"
#include "batch/identity.h"
#include "cli/batch_board.h"
#include "cli/batch_plan.h"
#include "cli/placement.h"
#include "cli/planning.h"
#include "cli/problems.h"
#include "cli/render_times.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "plan/cost.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

// What all of them take; times are known of what has been measured here before.
struct Total {
  std::size_t videos = 0;
  std::int64_t bytes = 0, disk_free = 0;
  std::optional<double> seconds = 0;
};

// Loading is done once for all videos of a model.
void add(Total& total, const BatchGroup& group, const std::function<bool(std::size_t)>& wanted) {
  const RenderTimes times(group.checkpoint, group.plans.at(0).placement);
  const Timings known = times.known();
  bool loaded = false;
  for (std::size_t i = 0; i < group.jobs.size(); ++i) {
    if (!wanted(i)) continue;
    const Plan& plan = group.plans[i];
    const Estimate estimate = times.estimate(plan, known);
    const std::optional<double> seconds = loaded ? estimate.without_loading() : estimate.total();
    loaded = true;
    ++total.videos;
    total.seconds = total.seconds && seconds ? std::optional(*total.seconds + *seconds) : std::nullopt;
    if (!has_files(plan.output.path)) continue;
    total.bytes += plan.cost.output_bytes;
    if (total.disk_free == 0) total.disk_free = disk_free_for(plan.output.path);
  }
}

std::string text_of(const Total& total) {
  std::string text = fmt::format("{} videos", total.videos);
  if (total.seconds) text += fmt::format(", about {}", human_seconds(*total.seconds));
  if (total.bytes > 0) {
    text += fmt::format(", about {} on the disk ({} free)", human_bytes(total.bytes), human_bytes(total.disk_free));
  }
  return text;
}

void show_plans(const Generate& command, const Batch& batch) {
  Total total;
  std::size_t refused = 0;
  for (const BatchGroup& group : batch.groups) {
    const RenderTimes times(group.checkpoint, group.plans.at(0).placement);
    add(total, group, [&](std::size_t job) { return !group.jobs[job].failure; });
    for (std::size_t i = 0; i < group.jobs.size(); ++i) {
      const BatchJob& job = group.jobs[i];
      if (job.refused) {
        ++refused;
        say_refused(job.line.origin, job.refused->what());
        continue;
      }
      if (job.failure) {
        spdlog::error("{}: {}", job.line.origin, job.failure->what());
        continue;
      }
      if (command.json) {
        ordered_json json{{"index", job.line.index}, {"origin", job.line.origin}, {"job", job.id}};
        json.update(plan_json(group.plans[i], context_of(group.plans[i], group.traits, group.checkpoint, times)));
        write_json(json, -1);
      } else {
        write_result(fmt::format("{}: {}\n", job.line.origin, plan_line(group.plans[i])));
      }
    }
  }
  spdlog::info("{}", text_of(total));
  require(refused == 0, Fault::some_failed, "{} of {} videos are refused", refused, batch.size());
}

void calibrate_groups(const Batch& batch, Progress& progress) {
  for (const BatchGroup& group : batch.groups) {
    const auto made =
        std::find_if(group.jobs.begin(), group.jobs.end(), [](const BatchJob& job) { return !job.failure; });
    if (made == group.jobs.end()) continue;
    const Plan& plan = group.plans[static_cast<std::size_t>(made - group.jobs.begin())];
    calibrate(plan, group.traits, group.checkpoint, RenderTimes(group.checkpoint, plan.placement), progress);
  }
}

// What no wait makes fit: of the CPU's memory all counts, of a GPU's what other programs leave.
void require_memory(const Batch& batch, const std::vector<BatchBoard>& boards) {
  Problems problems;
  for (std::size_t g = 0; g < batch.groups.size(); ++g) {
    const BatchGroup& group = batch.groups[g];
    const Placement placement = group.plans.at(0).placement;
    const std::optional<std::int64_t> most =
        placement.device == DeviceKind::cpu ? memory_limit_bytes() : free_memory_bytes(placement);
    for (std::size_t i = 0; most && i < group.jobs.size(); ++i) {
      const Peak peak = memory_peak(group.plans[i]);
      if (!boards[g].pending(i) || peak.bytes <= *most) continue;
      problems.add(fmt::format("{}: {} needs about {}, there are {}; --fit lowers that, and so does a smaller --size",
                               group.jobs[i].line.origin, peak.stage, human_bytes(peak.bytes), human_bytes(*most)));
    }
  }
  problems.throw_if_any(Fault::memory);
}

// What cannot fit is refused before hours are spent.
void require_room(const Batch& batch, const std::vector<BatchBoard>& boards) {
  Total total;
  for (std::size_t g = 0; g < batch.groups.size(); ++g) {
    add(total, batch.groups[g], [&](std::size_t job) { return boards[g].pending(job); });
  }
  if (total.videos == 0) return;
  // A guess from size, length and crf: only what is beyond doubt is refused.
  constexpr int kDoubt = 4;
  require(total.bytes / kDoubt <= total.disk_free, Fault::output,
          "{}; make room, or give another --output or a higher --crf", text_of(total));
  if (total.bytes > total.disk_free) spdlog::warn("they may not fit: {}", text_of(total));
  spdlog::info("{}", text_of(total));
}

// Among processes on this folder, and among those of one launch on several machines.
std::unique_ptr<Claims> make_claims(const Generate& command, const std::filesystem::path& folder) {
  auto files = std::make_unique<FileClaims>(folder);
  const std::optional<Group> group = launch_group(command);
  if (!group) return files;
  return std::make_unique<BothClaims>(std::move(files), engine().join(*group));
}

// Of all of them it is the same.
std::string checker_of(const Batch& batch) {
  for (const BatchGroup& group : batch.groups) {
    for (const Plan& plan : group.plans) {
      if (plan.frame_check) return identity_of(*plan.frame_check);
    }
  }
  return "";
}

struct Count {
  std::size_t made = 0, there = 0, failed = 0, refused = 0, open = 0;
  std::size_t missing() const { return failed + refused + open; }
  double seconds = 0;
};

Count count(const std::vector<BatchBoard>& boards) {
  Count count;
  for (const BatchBoard& board : boards) {
    for (const JobOutcome& outcome : board.outcomes()) {
      count.seconds += outcome.seconds;
      switch (outcome.state) {
        case JobState::pending:
          ++count.open;
          break;
        case JobState::made:
          ++count.made;
          break;
        case JobState::there:
          ++count.there;
          break;
        case JobState::refused:
          ++count.refused;
          break;
        case JobState::failed:
        case JobState::given_up:
          ++count.failed;
          break;
      }
    }
  }
  return count;
}

std::string summary(const Count& count) {
  std::string text = fmt::format("{} made in {}", count.made, human_seconds(count.seconds));
  if (count.there > 0) text += fmt::format(", {} were there", count.there);
  if (count.failed > 0) text += fmt::format(", {} failed", count.failed);
  if (count.refused > 0) text += fmt::format(", {} refused", count.refused);
  if (count.open > 0) text += fmt::format(", {} not begun", count.open);
  return text;
}

std::string_view name_of(JobState state) {
  switch (state) {
    case JobState::pending:
      return "not begun";
    case JobState::made:
      return "made";
    case JobState::there:
      return "there";
    case JobState::refused:
      return "refused";
    case JobState::failed:
      return "failed";
    case JobState::given_up:
      return "failed before";
  }
  return "";
}

// A line for each video, in the order of the batch; of many, for each that is not there.
std::string table(const Batch& batch, const std::vector<BatchBoard>& boards) {
  constexpr std::size_t kMostLines = 50;
  std::map<int, std::string> lines;
  for (std::size_t g = 0; g < batch.groups.size(); ++g) {
    const BatchGroup& group = batch.groups[g];
    for (std::size_t i = 0; i < group.jobs.size(); ++i) {
      const JobOutcome& outcome = boards[g].outcomes()[i];
      const bool there = outcome.state == JobState::made || outcome.state == JobState::there;
      if (there && batch.size() > kMostLines) continue;
      const int index = group.jobs[i].line.index;
      const std::string seconds = outcome.state == JobState::made ? human_seconds(outcome.seconds) : "";
      lines[index] = fmt::format("\n{:>6}  {:<13}  {:>8}  {}", index, name_of(outcome.state), seconds,
                                 printable(group.plans[i].output.path.native(), 200));
    }
  }
  std::string text;
  for (const auto& [index, line] : lines) text += line;
  return text;
}

}  // namespace

bool is_batch(const Generate& command) {
  return !command.prompts.empty() || !command.seeds.empty() || command.num_videos.value_or(1) > 1;
}

void run_batch(const Generate& command) {
  Batch batch = plan_batch(command);
  const std::unique_ptr<Progress> progress = progress_of(command);
  if (command.calibrate) calibrate_groups(batch, *progress);
  if (command.dry_run) return show_plans(command, batch);

  const bool files = std::any_of(batch.groups.begin(), batch.groups.end(), [](const BatchGroup& group) {
    return std::any_of(group.plans.begin(), group.plans.end(),
                       [](const Plan& plan) { return has_files(plan.output.path); });
  });
  std::optional<Journal> journal;
  std::unique_ptr<Claims> claims;
  BatchRun run{.command = command, .size = batch.size()};
  if (files) {
    run.journal = &journal.emplace(batch.folder);
    claims = make_claims(command, batch.folder);
    run.claims = claims.get();
    run.begun_at = journal->size();
    run.checker = checker_of(batch);
    if (journal->torn() > 0) {
      spdlog::warn("{} lines of the journal are damaged; what they said is done again", journal->torn());
    }
  }
  std::vector<BatchBoard> boards;
  for (BatchGroup& group : batch.groups) boards.emplace_back(run, group);
  Problems problems;
  for (BatchBoard& board : boards) board.check_outputs(problems);
  problems.throw_if_any(Fault::output);
  require_memory(batch, boards);
  require_room(batch, boards);

  for (BatchBoard& board : boards) board.report_known();
  for (std::size_t g = 0; g < boards.size(); ++g) {
    if (!boards[g].has_pending()) continue;
    boards[g].set_progress(*progress);
    try {
      engine().render(batch.groups[g].plans, batch.groups[g].checkpoint, boards[g], *progress);
    } catch (const Error& error) {
      spdlog::info("{}; the same command goes on", summary(count(boards)));
      throw;
    }
  }
  const Count result = count(boards);
  spdlog::info("{}", summary(result) + table(batch, boards));
  require(result.missing() == 0, Fault::some_failed, "{} of {} videos could not be made", result.missing(), run.size);
}

}  // namespace sora
