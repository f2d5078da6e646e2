// Decoding that takes more memory than there is, without taking it.
#include "jobs/render_job.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "batch/identity.h"
#include "families/registry.h"
#include "schedulers/schedulers.h"
#include "support/files.h"
#include "support/video_reader.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class Notes : public Progress {
 public:
  void update(Stage, std::int64_t, std::int64_t) override {}
  void note(std::string_view text) override { notes.emplace_back(text); }
  std::vector<std::string> notes;
};

class StillDenoiser final : public Denoiser {
 public:
  PredictFn bind(const Context&) override {
    return [](const Tensor& latents, const Tensor&) { return at::zeros_like(latents); };
  }
  at::ScalarType dtype() const override { return at::kFloat; }
};

// Has memory for tiles up to `most` pixels wide.
class SmallVae final : public Vae {
 public:
  SmallVae(int most, const Plan& plan) : most_(most), plan_(plan) {}

  std::unique_ptr<VideoEncoder> begin_encoding(const std::optional<Tiling>&) const override { return nullptr; }
  std::unique_ptr<VideoDecoder> begin_decoding(const std::optional<Tiling>& tiling) const override {
    const int width = tiling ? tiling->tile.width : plan_.size.width;
    return std::make_unique<Decoder>(width <= most_, plan_);
  }

 private:
  class Decoder final : public VideoDecoder {
   public:
    Decoder(bool fits, const Plan& plan) : fits_(fits), plan_(plan) {}
    void decode(const Tensor& latents, Piece, const PixelsFn& emit) override {
      const std::int64_t frames = 1 + (latents.size(2) - 1) * plan_.compression.time;
      emit(at::zeros({1, 3, frames, plan_.size.height, plan_.size.width}));
      if (!fits_) throw std::bad_alloc();
    }

   private:
    bool fits_;
    const Plan& plan_;
  };
  int most_;
  const Plan& plan_;
};

class OutOfMemory : public testing::Test {
 protected:
  Plan plan(const std::string& output) const {
    Request request;
    request.prompt = "a red ball";
    request.size = PixelSize{256, 256};
    request.num_frames = 5;
    request.steps = 2;
    request.output.path = folder_ / output;
    request.provenance.sign = request.provenance.audit = false;
    request.provenance.watermark = WatermarkKind::off;
    return make_plan(request, read_traits(checkpoint_), {}, 1);
  }

  JobResult render(const Plan& plan, int most) {
    Model model;
    model.denoiser = std::make_unique<StillDenoiser>();
    model.vae = std::make_unique<SmallVae>(most, plan);
    model.make_scheduler = [](int steps) { return make_flow_match_euler({}, steps); };
    return RenderJob(plan, model_origin_, fingerprint_of(checkpoint_), nullptr, progress_)
        .run({.scenes = {{}}, .negative = {}}, model, progress_);
  }

  const c10::InferenceMode no_gradients_;
  const test::TempDir folder_;
  const Checkpoint checkpoint_{fs::path(SORA_SOURCE_DIR) / "models/tiny-world"};
  ModelOrigin model_origin_{checkpoint_};
  Notes progress_;
};

TEST_F(OutOfMemory, SmallerTilesAreTriedUntilTheyFit) {
  const Plan wide = plan("a.mp4");
  EXPECT_EQ(render(wide, 64).frames_written, 5);
  EXPECT_THAT(progress_.notes, ElementsAre("decoding ran out of memory; it goes on in tiles of 128x128",
                                           "decoding ran out of memory; it goes on in tiles of 64x64"));
  EXPECT_EQ(test::read_video(folder_ / "a.mp4").frames.size(), 5U);
  EXPECT_FALSE(fs::exists(folder_ / "a.mp4.latents"));
}

TEST_F(OutOfMemory, FramesThatWereWrittenAreReplaced) {
  const Plan wide = plan("%d.png");
  EXPECT_EQ(render(wide, 128).frames_written, 5);
  EXPECT_TRUE(fs::exists(folder_ / "5.png"));
}

TEST_F(OutOfMemory, WhatWasSampledStaysWhenNothingHelps) {
  const Plan wide = plan("a.mp4");
  EXPECT_THROW(render(wide, 16), std::bad_alloc);
  EXPECT_FALSE(fs::exists(folder_ / "a.mp4"));
  EXPECT_TRUE(RenderJob(wide, model_origin_, fingerprint_of(checkpoint_), nullptr, progress_).only_decodes());
  // The next start begins with the smaller tiles.
  progress_.notes.clear();
  EXPECT_EQ(render(wide, 64).frames_written, 5);
  EXPECT_THAT(progress_.notes, ElementsAre("decoding ran out of memory; it goes on in tiles of 64x64"));
}

TEST_F(OutOfMemory, FramesThatGoNowhereAreNotSampledAgain) {
  Plan wide = plan("a.mp4");
  wide.output.path = "null:";
  EXPECT_THROW(render(wide, 128), std::bad_alloc);
  EXPECT_THAT(progress_.notes, ElementsAre());
}

}  // namespace
}  // namespace sora
