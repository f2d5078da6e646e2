#include "cli/batch_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/name_template.h"
#include "base/sha256.h"
#include "base/text.h"
#include "batch/identity.h"
#include "cli/model_path.h"
#include "cli/placement.h"
#include "cli/planning.h"
#include "cli/problems.h"
#include "cli/settings.h"
#include "families/registry.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

class Planner {
 public:
  explicit Planner(const Generate& command)
      : command_(command),
        policy_(load_policy(command.policy)),
        placement_(resolve_placement(command.placement, launch_group(command))) {}

  Batch run() {
    Batch batch;
    batch.folder = NameTemplate(output_of(command_)).root();
    for (BatchLine& line : batch_lines(command_)) {
      problems_.collect([&] { add(batch, std::move(line)); });
    }
    problems_.throw_if_any();
    name(batch);
    problems_.throw_if_any();
    identify(batch);
    fit(batch);
    return batch;
  }

 private:
  static fs::path output_of(const Generate& command) {
    return command.request.output.path.empty() ? fs::path(kBatchOutput) : command.request.output.path;
  }

  BatchGroup& group_of(Batch& batch, const std::string& model) {
    const auto found = std::find_if(batch.groups.begin(), batch.groups.end(),
                                    [&](const BatchGroup& group) { return group.model == model; });
    if (found != batch.groups.end()) return *found;
    Checkpoint checkpoint(model_folder(model));
    Traits traits = read_traits(checkpoint);
    std::string fingerprint = fingerprint_of(checkpoint);
    return batch.groups.emplace_back(
        BatchGroup{model, std::move(checkpoint), std::move(traits), std::move(fingerprint), {}, {}});
  }

  void add(Batch& batch, BatchLine line) {
    const std::string origin = line.origin;
    try {
      BatchGroup& group = group_of(batch, line.options.model);
      Plan plan;
      std::optional<Error> failure;
      std::optional<Refused> refused;
      try {
        require_allowed(policy_, line.options.request, origin);
        plan = make_plan(line.options.request, group.traits, placement_, 0, probe);
        plan.policy = {policy_.id(), policy_.sha256()};
      } catch (const Refused& refusal) {
        failure = refused.emplace(refusal);
      } catch (const Error& error) {
        if (error.fault() != Fault::input) throw;
        failure = error;  // of a picture or a clip: this video's own
      }
      if (failure) {
        plan.placement = placement_;
        plan.prompt = line.options.request.prompt;
        plan.seed = line.options.request.seed.value_or(0);
        plan.output = line.options.request.output;
      }
      group.plans.push_back(std::move(plan));
      group.jobs.push_back({std::move(line), {}, std::move(failure), std::move(refused)});
    } catch (const Error& error) {
      throw error.within(origin);
    }
  }

  Settings settings_of(const BatchLine& line) const { return merged(command_.settings, line.options.settings); }

  // Names depend on the plans: a field may be the model's own number of steps.
  void name(Batch& batch) {
    std::vector<std::pair<int, fs::path*>> outputs;  // in the order of the lines, which decides who is "-2"
    for (BatchGroup& group : batch.groups) {
      for (std::size_t i = 0; i < group.jobs.size(); ++i) {
        const BatchLine& line = group.jobs[i].line;
        settle_output(group.plans[i], line.options, settings_of(line), group.checkpoint, line.index);
        fs::path& path = group.plans[i].output.path;
        if (!is_utf8(path.native())) {
          problems_.add(fmt::format("{}: --output {}: is not UTF-8", line.origin, printable(path.native(), 200)));
        }
        outputs.emplace_back(line.index, &path);
      }
    }
    std::sort(outputs.begin(), outputs.end());
    std::vector<fs::path> names;
    for (const auto& [index, path] : outputs) names.push_back(*path);
    resolve_collisions(names);
    for (std::size_t i = 0; i < outputs.size(); ++i) *outputs[i].second = names[i];
  }

  // The same video asked for twice is two videos.
  static void identify(Batch& batch) {
    std::map<std::string, int> times;
    for (BatchGroup& group : batch.groups) {
      for (std::size_t i = 0; i < group.jobs.size(); ++i) {
        BatchJob& job = group.jobs[i];
        if (job.failure && !job.refused) continue;
        job.id = job_id(group.plans[i], group.fingerprint);
        const int earlier = times[job.id]++;
        if (earlier > 0) job.id = sha256_hex(fmt::format("{} {}", job.id, earlier));
      }
    }
  }

  // After the ids: what is free differs between the processes that share the work.
  void fit(Batch& batch) {
    PlanContext context;
    context.memory_free = free_memory_bytes(placement_);
    for (BatchGroup& group : batch.groups) {
      for (std::size_t i = 0; i < group.jobs.size(); ++i) {
        if (group.jobs[i].failure) continue;
        try {
          make_room(group.plans[i], group.traits, context);
          if (command_.fit) fit_to_memory(group.plans[i], group.traits, context);
        } catch (const Error& error) {
          throw error.within(group.jobs[i].line.origin);
        }
      }
    }
  }

  const Generate& command_;
  Policy policy_;
  Placement placement_;
  Problems problems_;
};

}  // namespace

std::size_t Batch::size() const {
  std::size_t jobs = 0;
  for (const BatchGroup& group : groups) jobs += group.jobs.size();
  return jobs;
}

Batch plan_batch(const Generate& command) { return Planner(command).run(); }

}  // namespace sora
