// Whole runs against diffusers, from the prompt's text to 8-bit frames, through the real loading path: same seed, same
// noise.
#include "sora/render.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/command.h"
#include "families/registry.h"
#include "jobs/components.h"
#include "jobs/encoded_jobs.h"
#include "jobs/given_pixels.h"
#include "media/media_reader.h"
#include "render/conditions.h"
#include "render/rng.h"
#include "render/sample.h"
#include "render/saved_latents.h"
#include "support/files.h"
#include "support/reference_run.h"
#include "support/tensors.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

class SilentProgress : public Progress {
 public:
  void update(Stage, std::int64_t, std::int64_t) override {}
  void note(std::string_view) override {}
};

class MemorySink : public FrameSink {
 public:
  void write(const Frames& frames) override {
    rgb.insert(rgb.end(), frames.rgb.begin(), frames.rgb.end());
    ++writes;
  }
  void finish() override { finished = true; }
  std::vector<std::uint8_t> rgb;
  int writes = 0;
  bool finished = false;
};

struct ReferenceRun {
  std::string model, name;
  std::string scheduler;       // folder under tests/data/schedulers that stands in for the checkpoint's; empty: its own
  std::string fp32_twin = {};  // of a bf16 run: the same run in fp32
};

std::ostream& operator<<(std::ostream& out, const ReferenceRun& run) { return out << run.model << '/' << run.name; }

// The run's checkpoint; with another scheduler, a copy of it.
fs::path checkpoint_folder(const ReferenceRun& run, const test::TempDir& scratch) {
  const fs::path folder = test::data("models/" + run.model);
  if (run.scheduler.empty()) return folder;
  const fs::path copy = scratch.path() / run.model;
  fs::copy(folder, copy, fs::copy_options::recursive);
  const std::string other = "schedulers/" + run.scheduler + "/scheduler_config.json";
  fs::copy_file(test::data(other), copy / "scheduler/scheduler_config.json", fs::copy_options::overwrite_existing);
  JsonObject config = JsonObject::from_file(test::data(other));
  const std::string scheduler_class = config.read<std::string>("_class_name");
  std::string index = test::read_text(copy / "model_index.json");
  const std::string unipc = "UniPCMultistepScheduler";
  index.replace(index.find(unipc), unipc.size(), scheduler_class);
  test::write_file(copy / "model_index.json", index);
  return copy;
}

double psnr(const Tensor& a, const Tensor& b) {
  const double mse = (a.to(at::kDouble) - b.to(at::kDouble)).pow(2).mean().item<double>();
  return mse == 0 ? 200 : 10 * std::log10(255.0 * 255.0 / mse);
}

// Keeps what is decoded.
class RecordingVae : public Vae {
 public:
  RecordingVae(std::unique_ptr<Vae> vae, std::vector<Tensor>& decoded) : vae_(std::move(vae)), decoded_(decoded) {}
  std::unique_ptr<VideoEncoder> begin_encoding(const std::optional<Tiling>& tiling) const override {
    return vae_->begin_encoding(tiling);
  }
  std::unique_ptr<VideoDecoder> begin_decoding(const std::optional<Tiling>& tiling) const override {
    return std::make_unique<Decoder>(vae_->begin_decoding(tiling), decoded_);
  }

 private:
  class Decoder : public VideoDecoder {
   public:
    Decoder(std::unique_ptr<VideoDecoder> decoder, std::vector<Tensor>& decoded)
        : decoder_(std::move(decoder)), decoded_(decoded) {}
    void decode(const Tensor& latents, Piece piece, const PixelsFn& emit) override {
      decoded_.push_back(latents.clone());
      decoder_->decode(latents, piece, emit);
    }

   private:
    std::unique_ptr<VideoDecoder> decoder_;
    std::vector<Tensor>& decoded_;
  };

  std::unique_ptr<Vae> vae_;
  std::vector<Tensor>& decoded_;
};

// A recorded call's plan, and all that it needs.
class RecordedCall {
 public:
  RecordedCall(const ReferenceRun& run, Dtype dtype)
      : checkpoint_(checkpoint_folder(run, checkpoint_scratch_)),
        target_{at::kCPU, dtype == Dtype::bf16 ? at::kBFloat16 : at::kFloat} {
    std::vector<std::string> flags = test::flags_of_run(run.model + "/" + run.name, media_.path());
    flags.insert(flags.end(), {"--output", "null:"});
    const Request request = std::get<Generate>(parse_command_line(flags, {})).request;
    plan = make_plan(request, read_traits(checkpoint_), {.dtype = dtype}, 0, probe_media);
    at::set_num_threads(2);
    read = make_pixel_reader(plan);
    EncodedJobs encoded({&plan, 1}, checkpoint_, target_);
    StageTimes seconds;
    encoded.encode(std::array<std::size_t, 1>{0}, seconds, progress);
    contexts = encoded.contexts(0);
    model = load_model(checkpoint_, target_);
    model.denoiser = load_denoiser(checkpoint_, target_, plan, progress);
  }

  Plan plan;
  Contexts contexts;
  Model model;
  std::unique_ptr<PixelReader> read;
  SilentProgress progress;

 private:
  const c10::InferenceMode no_gradients_;
  const test::TempDir checkpoint_scratch_, media_;
  Checkpoint checkpoint_;
  Target target_;
};

// What one run of the engine's parts gives.
struct Rendered {
  Tensor latents;  // after the last step
  Tensor frames;   // u8 [T, H, W, 3]
};

Rendered render_run(const ReferenceRun& run, Dtype dtype) {
  RecordedCall call(run, dtype);
  std::vector<Tensor> latents;
  call.model.vae = std::make_unique<RecordingVae>(std::move(call.model.vae), latents);
  MemorySink sink;
  SavedLatents nothing_kept;
  render(call.plan, call.contexts, call.model, *call.read, nothing_kept, sink, call.progress);
  EXPECT_TRUE(sink.finished);
  const Plan& plan = call.plan;
  return {at::cat(latents, 2), at::tensor(at::ArrayRef<std::uint8_t>(sink.rgb), at::kByte)
                                   .view({plan.pixel_frames, plan.size.height, plan.size.width, 3})};
}

Tensor last_sample(const std::map<std::string, Tensor>& reference) {
  if (reference.contains("final_latents")) return reference.at("final_latents");
  std::string last;
  for (const auto& [name, tensor] : reference) {
    if (name.ends_with("prev_sample")) last = name;
  }
  return reference.at(last);
}

double relative_distance(const Tensor& a, const Tensor& b) { return ((a - b).norm() / b.norm()).item<double>(); }

// Two bf16 runs differ by the rounding of both. What counts is that ours is no farther from the truth, which is the
// same run of the reference in fp32, than the reference's own bf16 run is; a quarter is left for which way roundings
// happen to fall.
void expect_as_true_as_the_reference(const Tensor& latents, const Tensor& reference, const fs::path& fp32_run) {
  const Tensor truth = last_sample(test::read_tensors(fp32_run)).to(at::kFloat);
  EXPECT_LE(relative_distance(latents, truth), 1.25 * relative_distance(reference, truth));
}

class WholeRun : public testing::TestWithParam<ReferenceRun> {};

TEST_P(WholeRun, GivesTheReferencesLatentsAndFrames) {
  const ReferenceRun run = GetParam();
  const bool bf16 = run.name.starts_with("bf16");
  const std::string folder = "ref/" + run.model + "/";
  const auto reference = test::read_tensors(test::data(folder + run.name + ".safetensors"));
  const Rendered rendered = render_run(run, bf16 ? Dtype::bf16 : Dtype::fp32);
  if (!run.name.ends_with("tiled")) {  // of that run only the frames are kept
    const Tensor latents = rendered.latents.to(at::kFloat), expected = last_sample(reference).to(at::kFloat);
    test::expect_close("latents", latents, expected, bf16 ? 3e-2 : 1e-4);
    if (bf16 && !run.fp32_twin.empty()) {
      expect_as_true_as_the_reference(latents, expected, test::data(folder + run.fp32_twin + ".safetensors"));
    }
  }
  const Tensor frames = reference.at("frames_u8_round");
  ASSERT_EQ(rendered.frames.sizes(), frames.sizes());
  // Two experts' bf16 rounding leaves 38 dB in the pictures.
  EXPECT_GE(psnr(rendered.frames, frames), bf16 ? 35 : 50);
}

INSTANTIATE_TEST_SUITE_P(
    Reference, WholeRun,
    testing::Values(
        ReferenceRun{"wan21_t2v", "fp32_unipc4", ""}, ReferenceRun{"wan21_t2v", "fp32_unipc3_nocfg", ""},
        ReferenceRun{"wan21_t2v", "fp32_1frame", ""}, ReferenceRun{"wan21_t2v", "fp32_euler4", "euler7"},
        ReferenceRun{"wan21_t2v", "fp32_unipc6_order3", "unipc5_order3"}, ReferenceRun{"wan21_t2v", "fp32_tiled", ""},
        ReferenceRun{"wan21_t2v", "bf16_unipc4", "", "fp32_unipc4"},
        ReferenceRun{"wan21_t2v", "bf16_euler4", "euler7", "fp32_euler4"},
        ReferenceRun{"wan22_a14b_t2v", "fp32_unipc4", ""},
        ReferenceRun{"wan22_a14b_t2v", "bf16_unipc4", "", "fp32_unipc4"},
        ReferenceRun{"wan22_ti2v", "fp32_t2v_unipc4", ""}, ReferenceRun{"wan22_ti2v", "bf16_t2v_unipc3", ""},
        ReferenceRun{"wan21_t2v", "fp32_v2v", ""}, ReferenceRun{"wan21_i2v", "fp32_unipc3", ""},
        ReferenceRun{"wan21_flf2v", "fp32_unipc3", ""}, ReferenceRun{"wan22_a14b_i2v", "fp32_unipc4", ""},
        ReferenceRun{"wan22_a14b_i2v", "fp32_last_image", ""}, ReferenceRun{"wan21_vace", "fp32_t2v", ""},
        ReferenceRun{"wan21_vace", "fp32_flf_mask", ""}, ReferenceRun{"wan21_vace", "fp32_reference", ""},
        ReferenceRun{"skyreels_v2_t2v", "fp32_unipc3", ""}, ReferenceRun{"skyreels_v2_i2v", "fp32_unipc3", ""},
        ReferenceRun{"skyreels_v2_flf2v", "fp32_unipc3", ""}, ReferenceRun{"skyreels_v2_df", "fp32_sync", ""},
        ReferenceRun{"skyreels_v2_df", "fp32_async_block2", ""}, ReferenceRun{"skyreels_v2_df", "fp32_i2v", ""},
        ReferenceRun{"skyreels_v2_df", "fp32_long", ""}, ReferenceRun{"skyreels_v2_df", "fp32_last_image", ""}),
    [](const auto& test) { return test.param.model + "_" + test.param.name; });

// Blended windows over the same frames are one: each has its own part of the control, and the reference images.
TEST(BlendedWindows, SeeTheirControlAndTheReferenceImages) {
  RecordedCall call({"wan21_vace", "fp32_reference", ""}, Dtype::fp32);
  const Conditions conditions = make_conditions(call.plan, *call.model.vae, *call.read, at::kCPU);
  const auto sample = [&](const std::vector<Window>& windows) {
    Rng rng(1), unused(0);
    StepCount steps;
    return sample_flow(
        {call.plan, windows, conditions, call.contexts, call.model, at::kCPU, rng, unused, steps, call.progress});
  };
  const Window whole = call.plan.windows[0];
  test::expect_close("latents", sample({whole, whole}), sample({whole}), 1e-5);
}

// Windows of diffusion forcing, each after the end of the one before. The reference draws the noise on known frames
// from torch's global generator, which has a seed of its own.
class ForcedWindows : public testing::TestWithParam<std::string> {};

TEST_P(ForcedWindows, GiveTheReferencesLatents) {
  const std::string name = "skyreels_v2_df/" + GetParam();
  RecordedCall call({"skyreels_v2_df", GetParam(), ""}, Dtype::fp32);
  const Plan& plan = call.plan;
  JsonObject description = JsonObject::from_file(test::data("ref/" + name + ".json"));
  Rng rng(plan.seed), condition_rng(static_cast<std::uint64_t>(description.read<std::int64_t>("global_seed")));
  const Conditions given = make_conditions(plan, *call.model.vae, *call.read, at::kCPU);
  Tensor latents = at::zeros(plan.latent.sizes(), at::kFloat);
  if (given.clean.defined()) latents.copy_(given.clean);
  StepCount steps;
  ASSERT_GE(plan.windows.size(), 2U);
  for (const Window& window : plan.windows) {
    const int known = given.known.defined() && window.first == 0 ? plan.given[0].latents.count : window.context;
    Conditions conditions;
    conditions.clean = latents.narrow(2, window.first, window.shape.frames).clone();
    conditions.known = at::arange(window.shape.frames).lt(known);
    latents.narrow(2, window.first, window.shape.frames)
        .copy_(sample_forcing({plan,
                               {&window, 1},
                               conditions,
                               call.contexts,
                               call.model,
                               at::kCPU,
                               rng,
                               condition_rng,
                               steps,
                               call.progress}));
  }
  test::expect_close("latents", latents,
                     test::read_tensors(test::data("ref/" + name + ".safetensors")).at("final_latents"), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Reference, ForcedWindows,
                         testing::Values("fp32_long_addnoise", "fp32_long_async", "fp32_v2v_extend"),
                         [](const auto& test) { return test.param; });

TEST(Rng, DrawsWhatTorchDraws) {
  const auto tables = test::read_tensors(test::data("tables.safetensors"));
  int compared = 0;
  for (const auto& [name, expected] : tables) {
    if (!name.starts_with("rng.randn_f32.seed42.")) continue;
    Rng rng(42);
    EXPECT_TRUE(at::equal(rng.normal(expected.sizes()), expected)) << name;
    ++compared;
  }
  EXPECT_GE(compared, 5);
}

}  // namespace
}  // namespace sora
