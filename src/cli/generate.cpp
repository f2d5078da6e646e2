// sora-gen --prompt: from the command to a plan, from the plan to a file or, with --dry-run, to a description.
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <random>

#include "base/files.h"
#include "base/name_template.h"
#include "base/output_name.h"
#include "base/text.h"
#include "batch/identity.h"
#include "cli/batch.h"
#include "cli/command.h"
#include "cli/decision_log.h"
#include "cli/model_path.h"
#include "cli/placement.h"
#include "cli/planning.h"
#include "cli/prompt_policy.h"
#include "cli/render_one.h"
#include "cli/render_times.h"
#include "cli/report.h"
#include "cli/result_json.h"
#include "cli/show_plan.h"
#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "families/registry.h"
#include "sora/engine.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

// Enough to see that a prompt is too long, whatever is piped in.
constexpr std::size_t kMostInput = 1 << 20;
constexpr std::int64_t kMostSavedPlan = 16 << 20;

std::string read_prompt() {
  std::string text = read_standard_input("--prompt -", "the prompt", kMostInput);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// 32 bits are easy to type again and exact in every reader of JSON.
std::uint64_t draw_seed() { return std::random_device{}(); }

// A render that was interrupted goes on only with the seed that it drew; its output's name is all that the same command
// says of it.
std::optional<std::uint64_t> interrupted_seed(const Request& request) {
  if (request.seed || request.output.path.empty() || NameTemplate(request.output.path).has_fields()) {
    return std::nullopt;
  }
  const std::filesystem::path folder = latents_folder(request.output.path);
  std::error_code none;
  if (folder.empty() || !std::filesystem::exists(folder / kSavedPlan, none)) return std::nullopt;
  const std::string text = read_file(folder / kSavedPlan, kMostSavedPlan, Fault::output);
  const ordered_json plan = ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto seed = plan.is_object() ? plan.find("seed") : plan.end();
  if (seed == plan.end() || !seed->is_number_unsigned()) return std::nullopt;
  return seed->get<std::uint64_t>();
}

// The policy, whose lists take some memory, is gone when the render begins.
PolicyName check_prompts(const Generate& options) {
  const Policy policy = load_policy(options.policy);
  try {
    require_allowed(policy, options.request);
  } catch (const Refused& refused) {
    if (!options.dry_run) log_refused(options.request, refused);
    throw;
  }
  return {policy.id(), policy.sha256()};
}

void report_success(const Plan& plan, const JobResult& result, bool json) {
  const StageTimes& seconds = result.seconds;
  for (const std::string& warning : result.quality.warnings) spdlog::warn("{}", warning);
  spdlog::debug("load text encoder {}, encode prompt {}, load model {}, sample {}, decode {}; peak memory {}",
                human_seconds(seconds.load_text_encoder), human_seconds(seconds.encode_prompt),
                human_seconds(seconds.load_model), human_seconds(seconds.sample), human_seconds(seconds.decode),
                human_bytes(result.peak_rss_bytes));
  spdlog::info("{} frames of {} at {} fps in {}, seed {}", result.frames_written, to_string(plan.size),
               to_string(plan.fps), human_seconds(seconds.total), plan.seed);
  if (json) return write_json(result_json(plan, result), -1);
  write_line(result.md5.empty() ? result.output : result.md5);
}

}  // namespace

void run_generate(Generate options) {
  set_message_level(options.quiet, options.verbose);
  Request& request = options.request;
  if (request.prompt == "-") request.prompt = read_prompt();
  if (is_batch(options)) return run_batch(options);
  const PolicyName policy = check_prompts(options);

  const Checkpoint checkpoint(model_folder(options.model));
  const Traits traits = read_traits(checkpoint);
  const std::optional<std::uint64_t> begun_with = interrupted_seed(request);
  const std::uint64_t drawn_seed = begun_with.value_or(draw_seed());
  const Placement placement = resolve_placement(options.placement, launch_group(options));
  Plan plan = make_plan(request, traits, placement, drawn_seed, probe);
  plan.policy = policy;
  settle_output(plan, options, options.settings, checkpoint, /*index=*/1);
  const std::unique_ptr<Progress> progress = progress_of(options);
  const RenderTimes times(checkpoint, plan.placement);
  if (options.calibrate) calibrate(plan, traits, checkpoint, times, *progress);
  PlanContext context = context_of(plan, traits, checkpoint, times);
  make_room(plan, traits, context);
  if (options.fit) fit_to_memory(plan, traits, context);
  if (context.fitted_by && !context.fitted_by->empty()) {
    spdlog::info("--fit: as with {}", fmt::join(*context.fitted_by, " "));
  }
  if (options.dry_run) {
    if (options.json)
      write_json(plan_json(plan, context));
    else
      write_result(plan_text(plan, context) + "\n");
    return;
  }

  spdlog::debug("the plan:\n{}", plan_text(plan, context));
  if (begun_with) {
    spdlog::info("seed {}, which the interrupted render of {} had drawn (--seed {} makes the same video again)",
                 plan.seed, printable(plan.output.path.native(), 200), plan.seed);
  } else if (plan.seed_drawn) {
    spdlog::info("seed {} (drawn; --seed {} makes the same video again)", plan.seed, plan.seed);
  }
  warn_of_surprises(request, plan, traits, context);
  log_allowed(plan, job_id(plan, fingerprint_of(checkpoint)));
  const JobResult result = render_one(plan, checkpoint, *progress);
  times.learn(plan, result);
  report_success(plan, result, options.json);
}

}  // namespace sora
