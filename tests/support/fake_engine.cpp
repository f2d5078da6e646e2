// An engine that renders nothing: it reports progress, or fails in the way that the prompt names.
#include <cstdio>
#include <new>
#include <stdexcept>

#include "sora/engine.h"
#include "sora/error.h"

namespace sora {
namespace {

JobResult render_one(const Plan& plan, Progress& progress) {
  if (plan.prompt == "no disk") fail(Fault::output, "{}: No space left on device", plan.output.path.string());
  if (plan.prompt == "no memory") throw std::bad_alloc();
  if (plan.prompt == "a bug") throw std::runtime_error("index 7 of 3");

  progress.update(Stage::load_text_encoder, 0, 1000);
  progress.update(Stage::load_text_encoder, 1000, 1000);
  progress.note("the prompt is long");
  progress.update(Stage::sample, 0, plan.steps);
  progress.update(Stage::sample, plan.steps, plan.steps);
  JobResult result;
  result.output = plan.output.path.string();
  if (plan.output.path == "md5:") result.md5 = "d41d8cd98f00b204e9800998ecf8427e";
  result.frames_written = plan.pixel_frames;
  result.seconds = {
      .load_text_encoder = 0.5, .encode_prompt = 0.25, .load_model = 1, .sample = 60, .decode = 3, .total = 65};
  result.pace = {.steps = plan.steps, .planned_steps = plan.steps, .prepare = 0, .first_step = 40};
  result.peak_rss_bytes = 1'500'000'000;
  if (plan.prompt == "it gets dark") {
    result.quality = {.windows = {{.first_frame = 0,
                                   .frames = 9,
                                   .luma = 0.123456,
                                   .saturation = 0.5,
                                   .clipped = 0.25,
                                   .motion = 0.03125,
                                   .join = 0,
                                   .latent_mean = -0.1,
                                   .latent_std = 1}},
                      .warnings = {"brightness drifts"}};
  }
  return result;
}

void render(std::span<const Plan> plans, const Checkpoint&, JobBoard& board, Progress& progress) {
  while (const std::optional<std::size_t> job = board.next()) board.finished(*job, render_one(plans[*job], progress));
}

// 33 frames of 128x128 at 8 fps, or a picture of that size. The name may say otherwise: clip-96x64-24fps-17.mp4.
MediaInfo probe(const std::filesystem::path& media) {
  const std::string name = media.filename().string();
  if (name.find("missing") != name.npos) fail(Fault::input, "{}: No such file or directory", media.string());
  MediaInfo info{.image = media.extension() == ".png", .size = {128, 128}, .fps = {8, 1}, .frames = 33};
  int width = 0, height = 0, fps = 0, frames = 0;
  if (std::sscanf(name.c_str(), "%*[^-]-%dx%d-%dfps-%d", &width, &height, &fps, &frames) == 4) {
    info = {.image = info.image, .size = {width, height}, .fps = {fps, 1}, .frames = frames};
  }
  if (info.image) info.frames = 1;
  return info;
}

std::string metadata(const std::filesystem::path& video) {
  fail(Fault::input, "{}: has no settings of sora-gen", video.string());
}

std::vector<Caption> captions(const std::filesystem::path&) { return {}; }

std::vector<Finding> doctor() { return {{"LibTorch", true, "2.11.0"}}; }

}  // namespace
}  // namespace sora

extern "C" const sora::Engine* sora_engine() {
  static const sora::Engine engine{.render = sora::render,
                                   .doctor = sora::doctor,
                                   .probe = sora::probe,
                                   .metadata = sora::metadata,
                                   .captions = sora::captions};
  return &engine;
}
