#include "jobs/run_jobs.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/machine.h"
#include "batch/identity.h"
#include "jobs/components.h"
#include "jobs/encoded_jobs.h"
#include "jobs/memory.h"
#include "jobs/render_job.h"
#include "jobs/stopwatch.h"
#include "jobs/torchscript_checker.h"
#include "nn/device.h"

namespace sora {
namespace {

// What is wrong with one job only; the rest goes on. A disk that is full, or a signal, concerns all.
bool is_of_one_job(Fault fault) {
  switch (fault) {
    case Fault::input:
    case Fault::memory:
    case Fault::usage:
    case Fault::bug:
    case Fault::refused:
      return true;
    case Fault::some_failed:
    case Fault::verification:
    case Fault::output:
    case Fault::interrupted:
    case Fault::terminated:
      return false;
  }
  return false;
}

class Batch {
 public:
  Batch(std::span<const Plan> plans, const Checkpoint& checkpoint, JobBoard& board, Progress& progress)
      : plans_(plans),
        checkpoint_(checkpoint),
        board_(board),
        progress_(progress),
        target_{prepare_device(plans[0].placement), scalar_type(plans[0].placement.dtype)},
        fingerprint_(fingerprint_of(checkpoint)),
        model_origin_(checkpoint),
        encoded_(plans, checkpoint, target_) {}

  void run() {
    load_checker();
    while (const std::optional<std::size_t> job = board_.next()) {
      if (const std::optional<Error> error = attempt(*job)) {
        if (!is_of_one_job(error->fault())) throw *error;
        board_.failed(*job, *error);
      }
    }
  }

 private:
  // All jobs have the same one, if any. It is tried at each size before anything is rendered.
  void load_checker() {
    std::vector<PixelSize> tried;
    for (const Plan& plan : plans_) {
      if (!plan.frame_check) continue;
      if (!checker_) checker_ = load_frame_checker(plan.frame_check->module, target_.device);
      if (std::find(tried.begin(), tried.end(), plan.size) != tried.end()) continue;
      try_frame_checker(*checker_, tried.emplace_back(plan.size));
    }
  }

  // What concerns all jobs is thrown: without its model no job can be rendered.
  std::optional<Error> attempt(std::size_t job) {
    const Plan& plan = plans_[job];
    Stopwatch watch;
    std::optional<RenderJob> render;
    if (const auto error =
            failure_of(plan, [&] { render.emplace(plan, model_origin_, fingerprint_, checker_.get(), progress_); }))
      return error;
    StageTimes seconds;
    try {
      if (!render->only_decodes()) encode(job, seconds);
      load(plan, render->only_decodes(), seconds);
    } catch (const std::exception& error) {
      throw as_error(error, plan);
    }
    JobResult result;
    const auto error = failure_of(plan, [&] {
      result = render->run(render->only_decodes() ? Contexts() : encoded_.contexts(job), model_, progress_);
    });
    if (error) return error;
    result.seconds.load_text_encoder = seconds.load_text_encoder;
    result.seconds.encode_prompt = seconds.encode_prompt;
    result.seconds.load_model += seconds.load_model;
    result.seconds.total = watch.lap();
    board_.finished(job, result);
    return std::nullopt;
  }

  template <class Act>
  static std::optional<Error> failure_of(const Plan& plan, const Act& act) {
    try {
      act();
      return std::nullopt;
    } catch (const std::exception& error) {
      return as_error(error, plan);
    }
  }

  // Together with the jobs that come after it, so that the encoders are loaded once for many.
  void encode(std::size_t job, StageTimes& seconds) {
    if (encoded_.holds(job)) return;
    std::vector<std::size_t> jobs{job};
    for (std::size_t later = job + 1; later < plans_.size(); ++later) {
      if (board_.pending(later)) jobs.push_back(later);
    }
    model_ = {};
    return_free_memory();
    encoded_.encode(jobs, seconds, progress_);
  }

  void load(const Plan& plan, bool only_decodes, StageTimes& seconds) {
    Stopwatch watch;
    if (!model_.vae) model_ = load_model(checkpoint_, target_);
    if (std::exchange(offloaded_, plan.offload_blocks) != plan.offload_blocks) model_.denoiser.reset();
    if (!only_decodes && !model_.denoiser) model_.denoiser = load_denoiser(checkpoint_, target_, plan, progress_);
    seconds.load_model = watch.lap();
  }

  std::span<const Plan> plans_;
  const Checkpoint& checkpoint_;
  JobBoard& board_;
  Progress& progress_;
  Target target_;
  std::unique_ptr<FrameChecker> checker_;
  std::string fingerprint_;
  ModelOrigin model_origin_;
  EncodedJobs encoded_;
  Model model_;
  bool offloaded_ = false;  // how its denoiser was loaded
};

}  // namespace

void run_jobs(std::span<const Plan> plans, const Checkpoint& checkpoint, JobBoard& board, Progress& progress) {
  if (plans.empty()) return;
  const c10::InferenceMode no_gradients;
  try {
    Batch(plans, checkpoint, board, progress).run();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw as_error(error, plans[0]);
  }
}

}  // namespace sora
