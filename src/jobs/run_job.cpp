#include "jobs/run_job.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <new>
#include <string>

#include "base/machine.h"
#include "base/output_name.h"
#include "base/text.h"
#include "jobs/components.h"
#include "jobs/given_pixels.h"
#include "jobs/identity.h"
#include "media/sinks.h"
#include "nn/device.h"
#include "render/saved_latents.h"
#include "sora/render.h"
#include "text/prompt_cleaning.h"
#include "text/tokenizer.h"

namespace sora {
namespace {

class Stopwatch {
 public:
  /// Seconds since construction or the last lap.
  double lap() {
    const auto now = Clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
};

// Sampling and decoding take turns where there are several windows; whose turn it is shows in the progress.
class StageWatch : public Progress {
 public:
  StageWatch(Progress& next, StageTimes& seconds) : next_(next), seconds_(seconds) {}

  void update(Stage stage, std::int64_t done, std::int64_t total) override {
    const Stage before = std::exchange(stage_, stage);
    if (before != stage) lap(before);
    next_.update(stage, done, total);
  }
  void note(std::string_view text) override { next_.note(text); }
  void rendered() { lap(stage_); }
  bool decoding() const { return stage_ == Stage::decode; }

 private:
  void lap(Stage ended) { (ended == Stage::decode ? seconds_.decode : seconds_.sample) += watch_.lap(); }

  Progress& next_;
  StageTimes& seconds_;
  Stopwatch watch_;
  Stage stage_ = Stage::sample;
};

std::vector<std::int64_t> tokenize(const Tokenizer& tokenizer, const std::string& prompt, const Plan& plan,
                                   std::string_view flag, Progress& progress) {
  Tokenizer::Tokens tokens = tokenizer.encode(clean_prompt(prompt), plan.max_sequence_length);
  if (tokens.dropped > 0) {
    progress.note(fmt::format("{} has {} tokens more than the model reads ({}); its end is ignored", flag,
                              tokens.dropped, plan.max_sequence_length));
  }
  return std::move(tokens.ids);
}

// The encoder is gone when this returns: it is larger than the denoiser in most checkpoints.
Contexts encode_prompts(const Plan& plan, const Checkpoint& checkpoint, const Target& target, StageTimes& seconds,
                        Progress& progress) {
  Stopwatch watch;
  const Tokenizer tokenizer(checkpoint);
  std::vector<std::vector<std::int64_t>> prompts;
  for (const Scene& scene : plan.scenes) {
    prompts.push_back(tokenize(tokenizer, scene.prompt, plan, prompts.empty() ? "--prompt" : "--scene", progress));
  }
  if (plan.guidance.on()) {
    prompts.push_back(tokenize(tokenizer, plan.negative_prompt, plan, "--negative-prompt", progress));
  }
  const auto encoder = load_text_encoder(checkpoint, target, progress);
  seconds.load_text_encoder = watch.lap();

  const auto total = static_cast<std::int64_t>(prompts.size());
  progress.update(Stage::encode_prompt, 0, total);
  Contexts contexts;
  for (TextEmbedding& text : encoder->encode(prompts, plan.max_sequence_length)) {
    contexts.scenes.push_back({.text = std::move(text),
                               .control_scale = plan.conditioning_scale,
                               .fps = plan.fps.value(),
                               .causal_block = plan.sampling.forcing ? plan.sampling.forcing->block : 0});
  }
  if (plan.guidance.on()) {
    contexts.negative = std::move(contexts.scenes.back());
    contexts.scenes.pop_back();
  }
  progress.update(Stage::encode_prompt, total, total);
  seconds.encode_prompt = watch.lap();
  return contexts;
}

// The image encoder is gone when this returns, too.
void encode_images(const Plan& plan, const Checkpoint& checkpoint, at::Device device, Contexts& contexts) {
  if (checkpoint.component_class("image_encoder").empty()) return;
  const std::vector<Picture> pictures = read_originals(plan);
  std::vector<Frames> frames;
  for (const Picture& picture : pictures) frames.push_back(picture.frames());
  const Tensor states = load_image_encoder(checkpoint, device)->encode(frames);
  for (Context& context : contexts.scenes) context.image = states;
  contexts.negative.image = states;
}

// Frames that go nowhere are not worth keeping.
SavedLatents saved_latents(const Plan& plan, const Checkpoint& checkpoint) {
  const std::filesystem::path folder = latents_folder(plan.output.path);
  return folder.empty() ? SavedLatents() : SavedLatents(folder, identity_of(plan, checkpoint));
}

// As the user asked, or, where that took too much memory the last time, in tiles of half the size.
Plan with_tiles_that_fit(const Plan& plan, const SavedLatents& saved, Progress& progress) {
  const std::optional<PixelSize> failed = saved.too_large();
  if (!failed) return plan;
  Plan smaller = plan;
  smaller.vae_tiling = usual_tiling({failed->width / 2, failed->height / 2}, plan.compression);
  progress.note(fmt::format("decoding ran out of memory the last time; it goes on in tiles of {}",
                            to_string(smaller.vae_tiling->tile)));
  return smaller;
}

bool is_out_of_memory(const c10::Error& error) {
  const std::string_view text = error.what_without_backtrace();
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         text.find("can't allocate memory") != text.npos || text.find("out of memory") != text.npos;
}

// Remembers, for the next start, that decoding took too much memory.
Quality render_remembering(const Plan& plan, Contexts contexts, Model& model, PixelReader& reader,
                           const SavedLatents& saved, FrameSink& sink, StageWatch& stages) {
  const auto remember = [&] {
    if (stages.decoding()) saved.remember_too_large(plan.vae_tiling ? plan.vae_tiling->tile : plan.size);
  };
  try {
    return render(plan, std::move(contexts), model, reader, saved, sink, stages);
  } catch (const c10::Error& error) {
    if (is_out_of_memory(error)) remember();
    throw;
  } catch (const std::bad_alloc&) {
    remember();
    throw;
  }
}

JobResult run(const Plan& plan, const Checkpoint& checkpoint, Progress& progress) {
  Stopwatch total, watch;
  const c10::InferenceMode no_gradients;
  const Target target{prepare_device(plan.placement), scalar_type(plan.placement.dtype)};
  JobResult result;
  const SavedLatents saved = saved_latents(plan, checkpoint);
  // Opened first: a path that cannot be written or an encoder that will not open must not cost a render.
  OpenedSink output = open_sink(plan.output, plan.size, plan.fps, plan.pixel_frames, {}, saved.resumes());
  const std::unique_ptr<PixelReader> reader = make_pixel_reader(plan);
  Contexts contexts = encode_prompts(plan, checkpoint, target, result.seconds, progress);
  encode_images(plan, checkpoint, target.device, contexts);
  return_free_memory();
  watch.lap();
  Model model = load_model(checkpoint, target, plan, progress);
  result.seconds.load_model = watch.lap();
  StageWatch stages(progress, result.seconds);
  result.quality = render_remembering(with_tiles_that_fit(plan, saved, progress), std::move(contexts), model, *reader,
                                      saved, *output.sink, stages);
  stages.rendered();

  result.output = plan.output.path.string();
  result.md5 = output.md5();
  result.frames_written = plan.pixel_frames;
  result.seconds.total = total.lap();
  result.peak_rss_bytes = peak_rss_bytes();
  result.peak_device_bytes = peak_device_bytes(target.device);
  return result;
}

[[noreturn]] void fail_out_of_memory(const Plan& plan, const std::string& detail) {
  fail(Fault::memory,
       "out of memory ({}); the plan needs about {} for the text encoder, {} to sample and {} to decode. A smaller "
       "--size, a shorter video or, for decoding, --vae-tile-size needs less. What has been sampled is kept: the same "
       "command goes on from there, in smaller tiles",
       printable(detail, 160), human_bytes(plan.cost.text_bytes), human_bytes(plan.cost.sample_bytes),
       human_bytes(plan.cost.decode_bytes));
}

}  // namespace

JobResult run_job(const Plan& plan, const Checkpoint& checkpoint, Progress& progress) {
  try {
    return run(plan, checkpoint, progress);
  } catch (const c10::Error& error) {
    if (is_out_of_memory(error)) fail_out_of_memory(plan, error.what_without_backtrace());
    fail(Fault::bug, "LibTorch: {}", printable(error.what_without_backtrace(), 600));
  } catch (const std::bad_alloc&) {
    fail_out_of_memory(plan, "host memory");
  }
}

}  // namespace sora
