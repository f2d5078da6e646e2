// The mark in videos that were encoded by x264, cut, scaled and mirrored by ffmpeg: a few cases of
// tests/bench/watermark.py.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <ostream>

#include "support/files.h"
#include "support/pictures.h"
#include "watermark/detector.h"
#include "watermark/embedder.h"

namespace sora {
namespace {

using test::crop;
using test::Picture;
using test::run_program;
using test::RunResult;

constexpr int kSide = 256, kFrames = 72, kFps = 24;
constexpr std::uint64_t kId = 0x5EED0FC0FFEE;

WatermarkKey key_number(std::uint8_t number) {
  WatermarkKey key;
  key.bytes.fill(number);
  return key;
}

// A camera that pans over clouds, and flat discs that go their own ways before them.
std::vector<Picture> film() {
  const Picture clouds = test::texture(kSide + kFrames, kSide + kFrames / 2, 1);
  std::vector<Picture> frames;
  for (int frame = 0; frame < kFrames; ++frame) {
    Picture picture = crop(clouds, frame, frame / 2, kSide, kSide);
    for (int disc = 0; disc < 3; ++disc) {
      const double left = 60 + 60 * disc + (disc - 1) * frame, top = 128 + 70 * std::sin(0.04 * frame + 2 * disc);
      for (int y = 0; y < kSide; ++y) {
        for (int x = 0; x < kSide; ++x) {
          if (std::hypot(x - left, y - top) < 36) std::fill_n(picture.at(x, y), 3, 60 + 60 * disc);
        }
      }
    }
    frames.push_back(std::move(picture));
  }
  return frames;
}

std::string bytes_of(std::vector<Picture> frames, bool with_mark) {
  const Embedder embedder(key_number(1), kId, kSide, kSide, kFps);
  std::string bytes;
  for (std::size_t frame = 0; frame < frames.size(); ++frame) {
    if (with_mark) embedder.embed(frames[frame].rgb, static_cast<std::int64_t>(frame));
    bytes.append(frames[frame].rgb.begin(), frames[frame].rgb.end());
  }
  return bytes;
}

struct Attack {
  const char* name;
  std::vector<std::string> filters, codec;
  int width = kSide, height = kSide, fps = kFps;
};

std::ostream& operator<<(std::ostream& out, const Attack& attack) { return out << attack.name; }

bool has_x264() { return std::system("ffmpeg -hide_banner -encoders 2>/dev/null | grep -q libx264") == 0; }

std::vector<std::string> x264(int crf) { return {"-c:v", "libx264", "-crf", std::to_string(crf)}; }

Detector watch(const std::string& film, const Attack& attack) {
  const test::TempDir folder;
  const std::string size = std::to_string(kSide) + "x" + std::to_string(kSide), file = folder / "attacked.mp4";
  std::vector<std::string> encode{"ffmpeg", "-v", "error", "-f", "rawvideo",           "-pix_fmt",
                                  "rgb24",  "-s", size,    "-r", std::to_string(kFps), "-i",
                                  "-"};
  encode.insert(encode.end(), attack.filters.begin(), attack.filters.end());
  encode.insert(encode.end(), attack.codec.begin(), attack.codec.end());
  encode.insert(encode.end(), {"-pix_fmt", "yuv420p", "-threads", "1", file});
  const RunResult encoded = run_program(encode, {.input = film});
  EXPECT_EQ(encoded.exit_code, 0) << encoded.err;
  const std::string rgb =
      run_program({"ffmpeg", "-v", "error", "-i", file, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"}).out;
  Detector detector;
  const std::size_t bytes = static_cast<std::size_t>(attack.width) * attack.height * 3;
  EXPECT_EQ(rgb.size() % bytes, 0U);
  for (std::size_t frame = 0; (frame + 1) * bytes <= rgb.size(); ++frame) {
    const auto* const pixels = reinterpret_cast<const std::uint8_t*>(rgb.data()) + frame * bytes;
    detector.add({pixels, bytes}, attack.width, attack.height, static_cast<double>(frame) / attack.fps);
  }
  return detector;
}

class Encoded : public testing::TestWithParam<Attack> {
 protected:
  void SetUp() override {
    if (!has_x264()) GTEST_SKIP() << "needs ffmpeg with libx264";
  }
};

TEST_P(Encoded, IsFoundAndReadWithTheRightKeyAlone) {
  const Detector detector = watch(bytes_of(film(), true), GetParam());
  const Detection found = detector.find({key_number(1)});
  EXPECT_TRUE(found.found()) << found.log10_chance;
  EXPECT_EQ(found.id, kId) << found.score;
  EXPECT_FALSE(detector.find({key_number(2)}).found());
}

INSTANTIATE_TEST_SUITE_P(Watermark, Encoded,
                         testing::Values(Attack{"crf23", {}, x264(23)}, Attack{"crf28", {}, x264(28)},
                                         Attack{"half", {"-vf", "scale=128:128"}, x264(23), 128, 128},
                                         Attack{"crop", {"-vf", "crop=230:230:17:5"}, x264(23), 230, 230},
                                         Attack{"last_second", {"-ss", "2"}, x264(20)},
                                         Attack{"rate", {"-r", "30"}, x264(23), kSide, kSide, 30},
                                         Attack{"mirror_and_size", {"-vf", "hflip,scale=188:188"}, x264(20), 188, 188}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(WithoutMark, NothingIsFoundAfterAnEncoder) {
  if (!has_x264()) GTEST_SKIP() << "needs ffmpeg with libx264";
  const Detector detector = watch(bytes_of(film(), false), {"crf23", {}, x264(23)});
  for (std::uint8_t number = 1; number < 9; ++number) {
    const Detection found = detector.find({key_number(number)}, WatermarkSearch::resized);
    EXPECT_FALSE(found.found()) << found.log10_chance;
    EXPECT_EQ(found.id, std::nullopt);
  }
}

}  // namespace
}  // namespace sora
