// sora-gen --prompt: from the command to a plan, from the plan to a file or, with --dry-run, to a description.
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/machine.h"
#include "base/output_name.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/model_path.h"
#include "cli/placement.h"
#include "cli/report.h"
#include "cli/show_plan.h"
#include "cli/terminal.h"
#include "families/registry.h"
#include "plan/cost.h"
#include "plan/fit_memory.h"
#include "sora/engine.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

// Enough to see that a prompt is too long, whatever is piped in.
constexpr std::size_t kMostInput = 1 << 20;
constexpr std::int64_t kMostSavedPlan = 16 << 20;

std::string read_standard_input() {
  if (isatty(STDIN_FILENO) != 0) spdlog::info("reading the prompt from standard input; end it with Ctrl-D");
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.size() < kMostInput) {
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got == 0) break;
    if (got < 0 && errno == EINTR) {
      check_interrupted();
      continue;
    }
    require(got > 0, Fault::input, "--prompt -: cannot read standard input: {}", std::strerror(errno));
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
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

void fit(Plan& plan, PlanContext& context, const Traits& traits) {
  require(context.memory_free.has_value(), Fault::usage,
          "--fit: the driver does not say how much memory is free; --offload-blocks and --vae-tile-size can be given "
          "without it");
  FittedPlan fitted = fit_memory(plan, traits, *context.memory_free);
  plan = std::move(fitted.plan);
  if (!fitted.flags.empty()) spdlog::info("--fit: as with {}", fmt::join(fitted.flags, " "));
  context.fitted_by = std::move(fitted.flags);
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

// Four digits say all that can be seen.
double rounded(double value) { return std::round(value * 1e4) / 1e4; }

ordered_json quality_json(const Quality& quality) {
  ordered_json windows = ordered_json::array();
  for (const WindowQuality& window : quality.windows) {
    windows.push_back({{"first_frame", window.first_frame},
                       {"frames", window.frames},
                       {"scene", window.scene},
                       {"luma", rounded(window.luma)},
                       {"saturation", rounded(window.saturation)},
                       {"clipped", rounded(window.clipped)},
                       {"motion", rounded(window.motion)},
                       {"join", rounded(window.join)},
                       {"latent_mean", rounded(window.latent_mean)},
                       {"latent_std", rounded(window.latent_std)}});
  }
  return {{"windows", windows}, {"warnings", quality.warnings}};
}

ordered_json result_json(const Plan& plan, const JobResult& result) {
  const StageTimes& seconds = result.seconds;
  ordered_json json{{"exit", 0},
                    {"output", result.output},
                    {"seed", plan.seed},
                    {"frames", result.frames_written},
                    {"width", plan.size.width},
                    {"height", plan.size.height},
                    {"fps", to_string(plan.fps)},
                    {"steps", plan.steps},
                    {"device", device_name(plan.placement)},
                    {"dtype", dtype_name(plan.placement)},
                    {"seconds",
                     {{"load_text_encoder", seconds.load_text_encoder},
                      {"encode_prompt", seconds.encode_prompt},
                      {"load_model", seconds.load_model},
                      {"sample", seconds.sample},
                      {"decode", seconds.decode},
                      {"total", seconds.total}}},
                    {"peak_rss_bytes", result.peak_rss_bytes},
                    {"peak_device_bytes", result.peak_device_bytes},
                    {"quality", quality_json(result.quality)}};
  if (!result.md5.empty()) json["md5"] = result.md5;
  return json;
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
  if (request.prompt == "-") request.prompt = read_standard_input();

  const Checkpoint checkpoint(model_folder(options.model));
  const Traits traits = read_traits(checkpoint);
  const std::optional<std::uint64_t> begun_with = interrupted_seed(request);
  const std::uint64_t drawn_seed = begun_with.value_or(draw_seed());
  Plan plan = make_plan(request, traits, resolve_placement(options.placement), drawn_seed, probe);
  PlanContext context{checkpoint.folder().string(), traits.family, free_memory_bytes(plan.placement),
                      disk_free_for(plan.output.path)};
  if (options.fit) fit(plan, context, traits);
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
  const bool silent = options.quiet && options.progress != ProgressKind::json_lines;
  const std::unique_ptr<Progress> progress = make_progress(silent ? ProgressKind::none : options.progress);
  const JobResult result = engine().render(plan, checkpoint, *progress);
  report_success(plan, result, options.json);
}

}  // namespace sora
