#include "jobs/render_job.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/machine.h"
#include "base/output_name.h"
#include "batch/identity.h"
#include "jobs/checked_sink.h"
#include "jobs/given_pixels.h"
#include "jobs/memory.h"
#include "jobs/stopwatch.h"
#include "nn/device.h"

namespace sora {

// Sampling and decoding take turns where there are several windows; whose turn it is shows in the progress.
class StageWatch : public Progress {
 public:
  StageWatch(Progress& next, JobResult& result) : next_(next), seconds_(result.seconds), pace_(result.pace) {}

  void update(Stage stage, std::int64_t done, std::int64_t total) override {
    if (stage_ != stage) lap(std::exchange(stage_, stage));
    if (stage == Stage::sample) count_step(done, total);
    // The other expert, in the middle of a step.
    if (stage == Stage::load_model && done == total) lap(std::exchange(stage_, Stage::sample));
    next_.update(stage, done, total);
  }
  void note(std::string_view text) override { next_.note(text); }
  void rendered() { lap(stage_); }
  bool decoding() const { return stage_ == Stage::decode; }

 private:
  double lap(Stage ended) {
    const double seconds = watch_.lap();
    (ended == Stage::decode       ? seconds_.decode
     : ended == Stage::load_model ? seconds_.load_model
                                  : seconds_.sample) += seconds;
    return seconds;
  }

  void count_step(std::int64_t done, std::int64_t total) {
    pace_.planned_steps = static_cast<int>(total);
    if (done == 0)
      pace_.prepare = lap(Stage::sample);
    else if (++pace_.steps == 1)
      pace_.first_step = lap(Stage::sample);
  }

  Progress& next_;
  StageTimes& seconds_;
  Pace& pace_;
  Stopwatch watch_;
  Stage stage_ = Stage::sample;
};

namespace {

// Below it a tile is mostly overlap.
constexpr int kSmallestTile = 64;

// Frames that go nowhere are not worth keeping.
SavedLatents saved_latents(const Plan& plan, const std::string& fingerprint) {
  const std::filesystem::path folder = latents_folder(plan.output.path);
  return folder.empty() ? SavedLatents() : SavedLatents(folder, identity_of(plan, fingerprint), plan.output.root);
}

int group_count(const Plan& plan) { return static_cast<int>(window_groups(plan).size()); }

// As the user asked, or, where that took too much memory before, in tiles of half the size.
Plan with_tiles_that_fit(const Plan& plan, const SavedLatents& saved, Progress& progress) {
  const std::optional<PixelSize> failed = saved.too_large();
  if (!failed) return plan;
  Plan smaller = plan;
  const auto half = [](int side) { return std::max(side / 2, std::min(side, kSmallestTile)); };
  smaller.vae_tiling = usual_tiling({half(failed->width), half(failed->height)}, plan.compression);
  progress.note(
      fmt::format("decoding ran out of memory; it goes on in tiles of {}", to_string(smaller.vae_tiling->tile)));
  return smaller;
}

}  // namespace

RenderJob::RenderJob(const Plan& plan, ModelOrigin& model, const std::string& fingerprint, FrameChecker* checker,
                     Progress& progress)
    : plan_(plan),
      checker_(checker),
      saved_(saved_latents(plan, fingerprint)),
      only_decodes_(saved_.resumes() && saved_.hold(group_count(plan))),
      origin_(plan, model, job_id(plan, fingerprint), progress),
      output_(open(/*again=*/false)) {}

OpenedSink RenderJob::open(bool again) {
  OutputOptions options = plan_.output;
  // Numbered frames of the attempt that took too much memory: tiles make them a little different.
  options.overwrite = options.overwrite || again;
  OpenedSink opened =
      open_sink(options, plan_.size, plan_.fps, plan_.pixel_frames, {}, saved_.resumes(), origin_.seal());
  opened.sink = origin_.watched(std::move(opened.sink));
  if (plan_.frame_check) {
    require(checker_ != nullptr, Fault::bug, "RenderJob: the plan's frame checker was not loaded");
    opened.sink = std::make_unique<CheckedSink>(std::move(opened.sink), *checker_, *plan_.frame_check, plan_.fps);
  }
  return opened;
}

Quality RenderJob::render_in_tiles_that_fit(const Contexts& contexts, Model& model, StageWatch& stages,
                                            Progress& progress) {
  const std::unique_ptr<PixelReader> reader = make_pixel_reader(plan_);
  while (true) {
    const Plan plan = with_tiles_that_fit(plan_, saved_, progress);
    const PixelSize tile = plan.vae_tiling ? plan.vae_tiling->tile : plan.size;
    try {
      return render(plan, contexts, model, *reader, saved_, *output_.sink, stages, origin_.mark());
    } catch (const FrameRefused& refused) {
      discard(refused, progress);
      throw;
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error) || !stages.decoding()) throw;
      // Also for the next start, if this one does not come so far.
      saved_.remember_too_large(tile);
      const bool sampled = saved_.hold(group_count(plan));
      const bool goes_on = saved_.resumes() && (model.denoiser || sampled);
      if (!goes_on || std::min(tile.width, tile.height) <= kSmallestTile) throw;
      if (sampled) model.denoiser.reset();
    }
    output_ = {};
    return_free_memory();
    output_ = open(/*again=*/true);
  }
}

void RenderJob::discard(const FrameRefused& refused, Progress& progress) {
  output_ = {};
  saved_.remove();  // decoded again, they would be refused again
  origin_.log_refused(refused, checker_->sha256(), progress);
}

JobResult RenderJob::run(const Contexts& contexts, Model& model, Progress& progress) {
  JobResult result;
  StageWatch stages(progress, result);
  result.quality = render_in_tiles_that_fit(contexts, model, stages, progress);
  stages.rendered();
  result.output = plan_.output.path.string();
  result.md5 = output_.md5();
  result.origin = origin_.result();
  result.seconds.sign = origin_.seconds();
  result.seconds.decode -= result.seconds.sign;  // the last that it counts
  result.frames_written = plan_.pixel_frames;
  result.peak_rss_bytes = peak_rss_bytes();
  result.peak_device_bytes = peak_device_bytes(model.device);
  return result;
}

}  // namespace sora
