// sora-gen --prompt: from the command to a plan, from the plan to a file or, with --dry-run, to a description.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <random>

#include "base/files.h"
#include "base/machine.h"
#include "base/output_name.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/model_path.h"
#include "cli/placement.h"
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
  if (request.seed || request.output.path.empty()) return std::nullopt;
  const std::filesystem::path folder = latents_folder(request.output.path);
  std::error_code none;
  if (folder.empty() || !std::filesystem::exists(folder / kSavedPlan, none)) return std::nullopt;
  const std::string text = read_file(folder / kSavedPlan, kMostSavedPlan, Fault::output);
  const ordered_json plan = ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto seed = plan.is_object() ? plan.find("seed") : plan.end();
  if (seed == plan.end() || !seed->is_number_unsigned()) return std::nullopt;
  return seed->get<std::uint64_t>();
}

// Folders on the way to the output need not be there yet: the file system is that of the nearest one that is.
std::int64_t disk_free_for(const std::filesystem::path& output) {
  std::error_code none;
  std::filesystem::path folder = std::filesystem::absolute(output, none).parent_path();
  while (folder.has_relative_path() && !std::filesystem::exists(folder, none)) folder = folder.parent_path();
  return disk_free_bytes(folder);
}

MediaInfo probe(const std::filesystem::path& media) {
  require(engine().probe != nullptr, Fault::bug, "the engine cannot look at images and clips");
  return engine().probe(media);
}

void warn_of_surprises(const Request& request, const Plan& plan, const Traits& traits, const PlanContext& context) {
  if (plan.sampling.continuation == Continuation::blended) {
    spdlog::warn(
        "this checkpoint makes {} frames at a time; longer videos are blended from {} windows and tend to repeat "
        "themselves",
        traits.defaults.window_frames, plan.windows.size());
  }
  if (traits.continuation == Continuation::none && plan.rendered_frames > traits.defaults.window_frames) {
    spdlog::warn("this checkpoint was made for {} frames at a time; {} may look worse", traits.defaults.window_frames,
                 plan.rendered_frames);
  }
  if (request.negative_prompt && !plan.guidance.on()) {
    spdlog::warn("--negative-prompt has no effect: guidance is off at scale {}", plan.guidance.scale);
  }
  if (fits(plan, context) == false) {
    const Peak peak = memory_peak(plan);
    spdlog::warn("this may not fit: {} needs about {}, {} are free; the output about {}, {} are free", peak.stage,
                 human_bytes(peak.bytes), human_bytes(context.memory_free.value_or(0)),
                 human_bytes(plan.cost.output_bytes), human_bytes(context.disk_free));
  }
}

void calibrate(const Plan& plan, const Traits& traits, const Checkpoint& checkpoint, const RenderTimes& times,
               Progress& progress) {
  const Plan small = calibration_plan(plan, traits);
  spdlog::info("measuring: {} steps of a window of {} frames, and decoding them", small.steps, small.pixel_frames);
  times.learn(small, render_one(small, checkpoint, progress));
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
  const std::string& line = result.md5.empty() ? result.output : result.md5;
  // A program reads the name as it is; a terminal must not.
  write_result((isatty(STDOUT_FILENO) != 0 ? printable(line, line.size()) : line) + "\n");
}

}  // namespace

void run_generate(Generate options) {
  set_message_level(options.quiet, options.verbose);
  Request& request = options.request;
  if (request.prompt == "-") request.prompt = read_prompt();

  const Checkpoint checkpoint(model_folder(options.model));
  const Traits traits = read_traits(checkpoint);
  const std::optional<std::uint64_t> begun_with = interrupted_seed(request);
  const std::uint64_t drawn_seed = begun_with.value_or(draw_seed());
  const Plan plan = make_plan(request, traits, resolve_placement(options.placement), drawn_seed, probe);
  const bool silent = options.quiet && options.progress != ProgressKind::json_lines;
  const std::unique_ptr<Progress> progress = make_progress(silent ? ProgressKind::none : options.progress);
  const RenderTimes times(checkpoint, plan.placement);
  if (options.calibrate) calibrate(plan, traits, checkpoint, times, *progress);
  const PlanContext context{checkpoint.folder().string(), traits.family, free_memory_bytes(plan.placement),
                            disk_free_for(plan.output.path), times.estimate(plan)};
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
  const JobResult result = render_one(plan, checkpoint, *progress);
  times.learn(plan, result);
  report_success(plan, result, options.json);
}

}  // namespace sora
