#include "plan/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/output_name.h"
#include "plan/cost.h"

namespace sora {
namespace {

constexpr double kTera = 1e12;
constexpr int kCalibrationSteps = 3;

std::optional<double> sum(std::initializer_list<std::optional<double>> stages) {
  double sum = 0;
  for (const std::optional<double>& stage : stages) {
    if (!stage) return std::nullopt;
    sum += *stage;
  }
  return sum;
}

const Window& largest_window(const Plan& plan) {
  return *std::max_element(plan.windows.begin(), plan.windows.end(),
                           [](const Window& a, const Window& b) { return a.tokens < b.tokens; });
}

std::string name_of_output(const OutputOptions& output) {
  switch (output_kind(output.path)) {
    case OutputKind::mp4:
      return " to mp4 " + output.preset;
    case OutputKind::png_sequence:
    case OutputKind::png:
      return " to png";
    case OutputKind::null:
    case OutputKind::md5:
      break;
  }
  return "";
}

/// What is measured of a plan, and how much of each: times are kept for one of it.
struct Measures {
  std::string text_encoder, prompt, model, given, first_step, sample, decode, decode_alone;
  double prompts = 0, loads = 1, given_frames = 0;

  Measures(const Plan& plan, const std::string& place);
};

Measures::Measures(const Plan& plan, const std::string& place) {
  const auto name = [&](const std::string& what) { return place + " " + what; };
  const std::string size = to_string(plan.size);
  text_encoder = name("load text encoder");
  prompt = name(fmt::format("encode prompt of {}", plan.max_sequence_length));
  model = name("load model");
  given = name(fmt::format("encode given {} {}", static_cast<int>(plan.sampling.given), size));
  const std::string window =
      fmt::format("of {} tokens{}", largest_window(plan).tokens, plan.guidance.on() ? ", guided" : "");
  first_step = name("begin step " + window);
  sample = name("step " + window);
  const std::string tiles = plan.vae_tiling ? fmt::format(" in tiles of {} by {}", to_string(plan.vae_tiling->tile),
                                                          to_string(plan.vae_tiling->stride))
                                            : "";
  decode_alone = name("decode " + size + tiles);
  decode = decode_alone + name_of_output(plan.output);

  prompts = static_cast<double>(plan.scenes.size()) + (plan.guidance.on() ? 1 : 0);
  // Two experts take turns in each run over the steps, and only one of them is in memory.
  const bool together = plan.sampling.continuation == Continuation::blended;
  if (plan.guidance.boundary) loads = 2.0 * (together ? 1.0 : static_cast<double>(plan.windows.size()));
  if (plan.sampling.given == GivenUse::none) return;
  // Alone clean frames are encoded by themselves; else the whole video is, with nothing where nothing is given.
  given_frames = static_cast<double>(plan.latent.frames) + static_cast<double>(plan.reference_images.size());
  if (plan.sampling.given != GivenUse::clean_frames) return;
  given_frames = 0;
  for (const GivenSpan& span : plan.given) given_frames += span.latents.count;
}

std::optional<double> times(const std::optional<double>& seconds, double count) {
  return seconds ? std::optional<double>(*seconds * count) : std::nullopt;
}

}  // namespace

std::optional<double> Timings::find(const std::string& name) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& each) { return each.name == name; });
  if (found == entries_.end()) return std::nullopt;
  std::vector<double> values = found->values;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void Timings::add(const std::string& name, double value) {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& each) { return each.name == name; });
  if (found == entries_.end())
    entries_.push_back({name, {}});
  else
    std::rotate(found, found + 1, entries_.end());
  std::vector<double>& values = entries_.back().values;
  values.push_back(value);
  if (values.size() > kMostValues) values.erase(values.begin());
  if (entries_.size() > kMostNames) entries_.erase(entries_.begin());
}

std::optional<double> Estimate::total() const {
  return sum({load_text_encoder, encode_prompt, load_model, sample, decode});
}

std::optional<double> Estimate::without_loading() const { return sum({encode_prompt, sample, decode}); }

Estimate estimate(const Plan& plan, const Timings& timings, const std::string& place) {
  const Measures measures(plan, place);
  Estimate estimate;
  estimate.load_text_encoder = timings.find(measures.text_encoder);
  estimate.encode_prompt = times(timings.find(measures.prompt), measures.prompts);
  estimate.load_model = times(timings.find(measures.model), measures.loads);
  const auto given = measures.given_frames == 0 ? 0 : times(timings.find(measures.given), measures.given_frames);
  const auto begin = timings.find(measures.first_step);
  const auto sample = times(timings.find(measures.sample), plan.cost.sample_flop / kTera);
  if (given && begin && sample) estimate.sample = *given + *begin + *sample;
  // What was never written to such a file may have been decoded: most of the time goes there.
  std::optional<double> decode = timings.find(measures.decode);
  if (!decode) decode = timings.find(measures.decode_alone);
  estimate.decode = times(decode, plan.cost.decode_flop / kTera);
  return estimate;
}

void learn(Timings& timings, const Plan& plan, const JobResult& result, const std::string& place) {
  const Measures measures(plan, place);
  const StageTimes& seconds = result.seconds;
  const Pace& pace = result.pace;
  const auto add = [&](const std::string& name, double all, double count) {
    if (all > 0 && count > 0) timings.add(name, all / count);
  };
  // Clips that are copied are part of that time, and no part of what it is measured by.
  if (!plan.before && !plan.after) add(measures.decode, seconds.decode, plan.cost.decode_flop / kTera);
  if (pace.steps == 0) return;  // then the model was not loaded either
  add(measures.text_encoder, seconds.load_text_encoder, 1);
  add(measures.prompt, seconds.encode_prompt, measures.prompts);
  add(measures.model, seconds.load_model, measures.loads);
  add(measures.given, pace.prepare, measures.given_frames);
  const double first_tera = plan.cost.first_step_flop / kTera, other_tera = plan.cost.sample_flop / kTera - first_tera;
  if (pace.steps < pace.planned_steps || other_tera <= 0) return;
  const double rate = (seconds.sample - pace.prepare - pace.first_step) / other_tera;
  add(measures.sample, rate, 1);
  // Where nothing is given, there is still a moment before the first step.
  const double first = pace.first_step + (measures.given_frames > 0 ? 0 : pace.prepare);
  timings.add(measures.first_step, std::max(0.0, first - rate * first_tera));
}

Plan calibration_plan(const Plan& plan, const Traits& traits) {
  Plan small = plan;
  Window window = largest_window(plan);
  window.first = window.context = window.context_after = window.scene = 0;
  small.windows = {window};
  small.latent.frames = window.shape.frames;
  small.rendered_frames = small.pixel_frames = pixel_frames_of(window.shape.frames, plan.compression);
  small.shown = {0, small.rendered_frames};
  small.scenes.resize(1);
  small.steps = kCalibrationSteps;
  small.sampling.strength = 1;
  if (small.sampling.forcing)
    small.sampling.forcing->ar_step = 0;
  else
    small.sampling.continuation = Continuation::none;
  small.before.reset();
  small.after.reset();
  std::erase_if(small.given, [&](const GivenSpan& span) { return span.at >= small.rendered_frames; });
  for (GivenSpan& span : small.given) {
    span.count = std::min(span.count, small.rendered_frames - span.at);
    span.latents.count = std::min(span.latents.count, small.latent.frames - span.latents.first);
  }
  small.output = {.path = "null:"};
  small.cost = cost_of(small, traits);
  return small;
}

}  // namespace sora
