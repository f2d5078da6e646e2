// Whole runs against diffusers, from the prompt's text to 8-bit frames, through the real loading path: same seed, same
// noise.
#include "sora/render.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "families/registry.h"
#include "jobs/components.h"
#include "render/rng.h"
#include "render/sample.h"
#include "render/saved_latents.h"
#include "support/files.h"
#include "support/tensors.h"
#include "text/prompt_cleaning.h"
#include "text/tokenizer.h"

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

Request request_of(const fs::path& file) {
  JsonObject run = JsonObject::from_file(file);
  JsonObject args = run.read_object("args");
  Request request;
  request.prompt = args.read<std::string>("prompt");
  request.negative_prompt = args.read<std::string>("negative_prompt");
  request.size = PixelSize{args.read<int>("width"), args.read<int>("height")};
  request.num_frames = args.read<int>("num_frames");
  request.steps = args.read<int>("num_inference_steps");
  request.guidance_scale = args.read<double>("guidance_scale");
  request.guidance_scale_2 = args.read_optional<double>("guidance_scale_2");
  request.max_sequence_length = args.read<int>("max_sequence_length");
  request.seed = static_cast<std::uint64_t>(run.read<std::int64_t>("seed"));
  request.output.path = "null:";
  return request;
}

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

// What one run of the engine's parts gives.
struct Rendered {
  Tensor latents;  // after the last step
  Tensor frames;   // u8 [T, H, W, 3]
};

Rendered render_run(const ReferenceRun& run, Dtype dtype) {
  const test::TempDir scratch;
  const Checkpoint checkpoint(checkpoint_folder(run, scratch));
  Request request = request_of(test::data("ref/" + run.model + "/" + run.name + ".json"));
  if (run.name.ends_with("tiled")) {
    request.vae_tile_size = PixelSize{32, 32};
    request.vae_tile_stride = PixelSize{24, 24};
  }
  const Plan plan = make_plan(request, read_traits(checkpoint), {.dtype = dtype}, 0);
  at::set_num_threads(2);
  const c10::InferenceMode no_gradients;
  SilentProgress progress;
  const Target target{at::kCPU, dtype == Dtype::bf16 ? at::kBFloat16 : at::kFloat};
  const Tokenizer tokenizer(checkpoint);
  const auto encoder = load_text_encoder(checkpoint, target, progress);
  const auto encode = [&](const std::string& prompt) -> Context {
    return {encoder->encode({tokenizer.encode(clean_prompt(prompt), plan.max_sequence_length).ids},
                            plan.max_sequence_length)[0]};
  };
  const Contexts contexts{{encode(plan.prompt)}, encode(plan.negative_prompt)};
  Model model = load_model(checkpoint, target, plan.guidance.boundary, progress);
  Rng rng(plan.seed), unused(0);
  StepCount steps;
  Rendered rendered;
  rendered.latents = sample_flow({plan, plan.windows, {}, contexts, model, at::kCPU, rng, unused, steps, progress});
  MemorySink sink;
  render(plan, contexts, model, {}, SavedLatents(), sink, progress);
  EXPECT_TRUE(sink.finished);
  rendered.frames = at::tensor(at::ArrayRef<std::uint8_t>(sink.rgb), at::kByte)
                        .view({plan.pixel_frames, plan.size.height, plan.size.width, 3});
  return rendered;
}

Tensor last_sample(const std::map<std::string, Tensor>& reference) {
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

INSTANTIATE_TEST_SUITE_P(Reference, WholeRun,
                         testing::Values(ReferenceRun{"wan21_t2v", "fp32_unipc4", ""},
                                         ReferenceRun{"wan21_t2v", "fp32_unipc3_nocfg", ""},
                                         ReferenceRun{"wan21_t2v", "fp32_1frame", ""},
                                         ReferenceRun{"wan21_t2v", "fp32_euler4", "euler7"},
                                         ReferenceRun{"wan21_t2v", "fp32_unipc6_order3", "unipc5_order3"},
                                         ReferenceRun{"wan21_t2v", "fp32_tiled", ""},
                                         ReferenceRun{"wan21_t2v", "bf16_unipc4", "", "fp32_unipc4"},
                                         ReferenceRun{"wan21_t2v", "bf16_euler4", "euler7", "fp32_euler4"},
                                         ReferenceRun{"wan22_a14b_t2v", "fp32_unipc4", ""},
                                         ReferenceRun{"wan22_a14b_t2v", "bf16_unipc4", "", "fp32_unipc4"},
                                         ReferenceRun{"wan22_ti2v", "fp32_t2v_unipc4", ""},
                                         ReferenceRun{"wan22_ti2v", "bf16_t2v_unipc3", ""}),
                         [](const auto& test) { return test.param.model + "_" + test.param.name; });

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
