// Decoding in a thread of its own gives the same frames, and its failures arrive.
#include "render/decoding.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "families/registry.h"
#include "support/errors.h"

namespace sora {
namespace {

class NoProgress : public Progress {
 public:
  void update(Stage stage, std::int64_t done, std::int64_t) override {
    if (stage == Stage::decode) decoded = done;
  }
  void note(std::string_view) override {}
  std::int64_t decoded = 0;
};

constexpr std::uint8_t kGrey = 77;

GivenSpan grey_at(int frame) {
  GivenSpan span;
  span.media = "grey.png";
  span.image = true;
  span.count = 1;
  span.at = frame;
  return span;
}

constexpr const char* kLeftHalfWhite = "mask.png";

class TwoPictures : public PixelReader {
 public:
  Tensor frames(const std::filesystem::path& media, const FrameRange& range) override {
    Tensor pictures = at::full({range.count, 32, 32, 3}, kGrey, at::kByte);
    if (media == kLeftHalfWhite) {
      pictures.zero_();
      pictures.narrow(2, 0, 16).fill_(255);
    }
    return pictures;
  }
  Tensor reference(const std::filesystem::path&) override { return {}; }
};

class Kept : public FrameSink {
 public:
  void write(const Frames& frames) override { rgb.insert(rgb.end(), frames.rgb.begin(), frames.rgb.end()); }
  void finish() override { finished = true; }
  std::vector<std::uint8_t> rgb;
  bool finished = false;
};

// A pixel frame is as bright as its latent frame; the one with `broken` latents cannot be decoded.
class MeanVae final : public Vae {
 public:
  explicit MeanVae(const Plan& plan) : plan_(plan) {}
  std::unique_ptr<VideoEncoder> begin_encoding(const std::optional<Tiling>&) const override { return nullptr; }
  std::unique_ptr<VideoDecoder> begin_decoding(const std::optional<Tiling>&) const override {
    return std::make_unique<Decoder>(plan_);
  }

 private:
  class Decoder final : public VideoDecoder {
   public:
    explicit Decoder(const Plan& plan) : plan_(plan) {}
    void decode(const Tensor& latents, Piece, const PixelsFn& emit) override {
      for (std::int64_t t = 0; t < latents.size(2); ++t) {
        const double mean = latents.select(2, t).mean().item<double>();
        if (mean > 1) throw std::runtime_error("broken latents");
        const std::int64_t frames = std::exchange(begun_, true) ? plan_.compression.time : 1;
        emit(at::full({1, 3, frames, plan_.size.height, plan_.size.width}, mean));
      }
    }

   private:
    const Plan& plan_;
    bool begun_ = false;
  };
  const Plan& plan_;
};

class DecodingTest : public testing::Test {
 protected:
  DecodingTest() {
    Request request;
    request.prompt = "a red ball";
    request.size = PixelSize{32, 32};
    request.num_frames = 17;
    request.output.path = "null:";
    plan_ = make_plan(request, read_traits(Checkpoint(std::filesystem::path(SORA_SOURCE_DIR) / "models/tiny-world")),
                      {}, 1);
    latents_ = at::linspace(-1, 1, plan_.latent.frames)
                   .view({1, 1, -1, 1, 1})
                   .expand({1, plan_.latent.channels, -1, plan_.latent.height, plan_.latent.width});
  }

  void add_all(Decoding& decoding) const {
    decoding.add(latents_.narrow(2, 0, 2), Piece::more_follow);
    decoding.add(latents_.narrow(2, 2, plan_.latent.frames - 2), Piece::last);
    decoding.finish();
  }

  const c10::InferenceMode no_gradients_;
  Plan plan_;
  Tensor latents_;
  TwoPictures read_;
  Kept sink_;
  NoProgress progress_;
};

TEST_F(DecodingTest, BothThreadsGiveTheSameFrames) {
  const MeanVae vae(plan_);
  Kept at_once;
  Decoding callers(plan_, vae, read_, {at_once}, progress_, at::kCPU, Decoding::Thread::callers);
  add_all(callers);
  progress_.decoded = 0;
  Decoding own(plan_, vae, read_, {sink_}, progress_, at::kCPU, Decoding::Thread::own);
  add_all(own);
  EXPECT_TRUE(sink_.finished);
  EXPECT_EQ(sink_.rgb.size(), 17U * 32 * 32 * 3);
  EXPECT_TRUE(sink_.rgb == at_once.rgb);
  EXPECT_EQ(progress_.decoded, 17) << "what was reached meanwhile is said at the end";
}

TEST_F(DecodingTest, WhatTheModelMakesIsMarkedAndWhatWasGivenIsNot) {
  const MeanVae vae(plan_);
  const auto decoded = [&](const MarkFrame& mark) {
    Kept kept;
    Decoding decoding(plan_, vae, read_, {kept, mark}, progress_, at::kCPU, Decoding::Thread::callers);
    add_all(decoding);
    return kept.rgb;
  };
  plan_.given = {grey_at(4)};
  const std::vector<std::uint8_t> plain = decoded({}),
                                  marked = decoded([](auto rgb, int height, int width, auto index) {
                                    ASSERT_EQ(rgb.size(), static_cast<std::size_t>(height * width * 3));
                                    std::fill(rgb.begin(), rgb.end(), static_cast<std::uint8_t>(index));
                                  });
  constexpr std::size_t kFrame = 32 * 32 * 3;
  ASSERT_EQ(marked.size(), 17 * kFrame);
  for (std::size_t frame = 0; frame < 17; ++frame) {
    const auto expected = frame == 4 ? kGrey : frame;
    EXPECT_EQ(marked[frame * kFrame], expected);
    EXPECT_EQ(marked[(frame + 1) * kFrame - 1], expected);
  }
  EXPECT_EQ(plain[4 * kFrame], kGrey);
  EXPECT_NE(plain[3 * kFrame], 3);
}

// Of a picture with a mask, what is black stays.
TEST_F(DecodingTest, GivenPixelsOfAMarkedFrameStay) {
  const MeanVae vae(plan_);
  plan_.given = {grey_at(4)};
  plan_.mask = Mask{.media = kLeftHalfWhite, .image = true};
  Kept kept;
  const MarkFrame mark = [](auto rgb, int, int, auto) { std::fill(rgb.begin(), rgb.end(), std::uint8_t{9}); };
  Decoding decoding(plan_, vae, read_, {kept, mark}, progress_, at::kCPU, Decoding::Thread::callers);
  add_all(decoding);
  const std::size_t frame = 4 * 32 * 32 * 3;
  EXPECT_EQ(kept.rgb[frame], 9);
  EXPECT_EQ(kept.rgb[frame + 31 * 3], kGrey);
}

TEST_F(DecodingTest, AFailureArrivesAndNothingIsFinished) {
  const MeanVae vae(plan_);
  latents_ = latents_ * 3;  // the last ones are broken
  for (const auto thread : {Decoding::Thread::callers, Decoding::Thread::own}) {
    Decoding decoding(plan_, vae, read_, {sink_}, progress_, at::kCPU, thread);
    EXPECT_THROW(add_all(decoding), std::runtime_error);
    EXPECT_FALSE(sink_.finished);
  }
}

TEST_F(DecodingTest, WhatNobodyWaitsForIsGivenUp) {
  const MeanVae vae(plan_);
  for (int i = 0; i < 20; ++i) {
    Decoding decoding(plan_, vae, read_, {sink_}, progress_, at::kCPU, Decoding::Thread::own);
    decoding.add(latents_.narrow(2, 0, 2), Piece::more_follow);
    decoding.add(latents_.narrow(2, 2, 1), Piece::more_follow);
  }
  EXPECT_FALSE(sink_.finished);
}

}  // namespace
}  // namespace sora
