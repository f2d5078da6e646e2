// watermark/: marks that are embedded and found again without an encoder between, and all that must not be found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/resample.h"
#include "support/errors.h"
#include "support/pictures.h"
#include "watermark/detector.h"
#include "watermark/embedder.h"

namespace sora {
namespace {

using test::crop;
using test::error_of;
using test::luma_psnr;
using test::mirror;
using test::Picture;
using test::texture;

constexpr std::uint64_t kId = 0x5EED0FC0FFEE;
constexpr double kFps = 24;

WatermarkKey key_number(std::uint8_t number) {
  WatermarkKey key;
  key.bytes.fill(number);
  return key;
}

const WatermarkKey kKey = key_number(7);

Picture grey(int width, int height, int value) { return {width, height, static_cast<std::uint8_t>(value)}; }

Picture marked(Picture picture, int frame = 0, const WatermarkKey& key = kKey, std::uint64_t id = kId) {
  Embedder(key, id, picture.width, picture.height, kFps).embed(picture.rgb, frame);
  return picture;
}

// `count` frames of textures that have nothing to do with each other, changed by `change` after they are marked.
template <class Change>
Detector watched(int width, int height, int count, bool with_mark, Change change) {
  Detector detector;
  const Embedder embedder(kKey, kId, width, height, kFps);
  for (int frame = 0; frame < count; ++frame) {
    Picture picture = texture(width, height, static_cast<std::uint64_t>(frame));
    if (with_mark) embedder.embed(picture.rgb, frame);
    const Picture seen = change(picture);
    detector.add(seen.rgb, seen.width, seen.height, frame / kFps);
  }
  return detector;
}

Picture same(const Picture& picture) { return picture; }

// --- embedding ---

TEST(Embedder, KeepsTheLumaOfAnyPictureWithin42Decibels) {
  for (const auto& [width, height] : {std::pair{832, 480}, {256, 256}, {100, 60}, {16, 16}, {17, 300}}) {
    for (const Picture& picture :
         {texture(width, height, 1), grey(width, height, 0), grey(width, height, 128), grey(width, height, 255)}) {
      for (const int frame : {0, 12})
        EXPECT_GE(luma_psnr(picture, marked(picture, frame)), 42.2) << width << 'x' << height;
    }
    // Nor is it weaker than it may be, where nothing is clipped.
    EXPECT_LT(luma_psnr(grey(width, height, 128), marked(grey(width, height, 128))), 42.5) << width << 'x' << height;
  }
}

TEST(Embedder, ChangesRedGreenAndBlueAlike) {
  const Picture before = grey(64, 64, 100), after = marked(before);
  for (std::size_t i = 0; i < after.rgb.size(); i += 3) {
    ASSERT_EQ(after.rgb[i], after.rgb[i + 1]);
    ASSERT_EQ(after.rgb[i], after.rgb[i + 2]);
  }
  EXPECT_NE(before.rgb, after.rgb);
}

TEST(Embedder, AFrameFollowsFromKeyIdIndexAndPixelsAlone) {
  const Picture picture = texture(96, 80, 1);
  const Embedder one(kKey, kId, 96, 80, kFps), other(kKey, kId, 96, 80, kFps);
  Picture later = picture;
  for (int frame = 0; frame < 20; ++frame) {
    later = picture;
    one.embed(later.rgb, frame);
  }
  Picture alone = picture;
  other.embed(alone.rgb, 19);
  EXPECT_EQ(later.rgb, alone.rgb);
  EXPECT_NE(alone.rgb, marked(picture, 0).rgb);  // half a second later some signs are turned
  EXPECT_EQ(marked(picture, 0).rgb, marked(picture, 11).rgb);
  EXPECT_EQ(marked(picture, 12).rgb, marked(picture, 23).rgb);
  EXPECT_EQ(marked(picture, 0).rgb, marked(picture, 24).rgb);
  EXPECT_NE(marked(picture, 0).rgb, marked(picture, 0, key_number(8)).rgb);
  EXPECT_NE(marked(picture, 0).rgb, marked(picture, 0, kKey, kId + 1).rgb);
}

TEST(Embedder, RefusesPicturesThatAreTooSmall) {
  EXPECT_EQ(error_of(Fault::usage, [] { Embedder(kKey, kId, 15, 400, kFps); }),
            "a watermark needs a picture of at least 16x16, not 15x400");
}

// --- what must be found ---

TEST(Detector, FindsTheMarkAndReadsIt) {
  for (const auto& [width, height] : {std::pair{256, 256}, {320, 180}, {700, 300}}) {
    const Detection found = watched(width, height, 24, true, same).find({kKey});
    EXPECT_TRUE(found.found()) << width << 'x' << height << ' ' << found.log10_chance;
    EXPECT_TRUE(found.aligned);
    EXPECT_FALSE(found.mirrored);
    EXPECT_EQ(found.id, kId);
  }
}

TEST(Detector, FindsItInOneFrame) {
  Detector detector;
  const Picture picture = marked(texture(640, 480, 1));
  detector.add(picture.rgb, picture.width, picture.height, 0);
  const Detection found = detector.find({kKey});
  EXPECT_TRUE(found.found()) << found.log10_chance;
  EXPECT_EQ(found.id, kId);
}

TEST(Detector, FindsItInFlatFrames) {
  for (const int value : {0, 128, 255}) {
    Detector detector;
    for (int frame = 0; frame < 24; ++frame) {
      const Picture picture = marked(grey(256, 256, value), frame);
      detector.add(picture.rgb, 256, 256, frame / kFps);
    }
    EXPECT_EQ(detector.find({kKey}).id, kId) << value;
  }
}

TEST(Detector, FindsItInACrop) {
  const Detector detector =
      watched(400, 300, 24, true, [](const Picture& picture) { return crop(picture, 37, 21, 300, 260); });
  const Detection found = detector.find({kKey});
  EXPECT_FALSE(found.aligned);
  EXPECT_NEAR(found.shift_x, 128 - 37, 1);
  EXPECT_NEAR(found.shift_y, 128 - 21, 1);
  EXPECT_EQ(found.scale_x, 1);
  EXPECT_EQ(found.id, kId);
  EXPECT_FALSE(detector.find({kKey}, WatermarkSearch::aligned).found());
}

TEST(Detector, FindsItMirrored) {
  const Detector detector = watched(300, 256, 24, true, mirror);
  const Detection found = detector.find({kKey});
  EXPECT_TRUE(found.mirrored);
  EXPECT_EQ(found.id, kId);
  EXPECT_FALSE(detector.find({kKey}, WatermarkSearch::shifted).found());
}

TEST(Detector, FindsItAtAnotherSize) {
  for (const PixelSize& size : {PixelSize{192, 160}, {288, 240}, {544, 456}, {600, 500}, {768, 640}}) {
    const auto& [width, height] = size;
    const Resampler resize({384, 320}, size, Filter::bicubic);
    const Detector detector = watched(384, 320, 24, true, [&](const Picture& picture) {
      return Picture(size.width, size.height, resize(picture.rgb));
    });
    const Detection found = detector.find({kKey});
    EXPECT_EQ(found.id, kId) << width << 'x' << height << " score " << found.score;
    EXPECT_NEAR(found.scale_x, width / 384.0, 0.015 * width / 384.0);
    EXPECT_NEAR(found.scale_y, height / 320.0, 0.015 * height / 320.0);
  }
}

// Flips begin at any moment of their second.
TEST(Detector, FindsItWhereverTheVideoStarts) {
  for (const int start : {3, 7, 12, 17}) {
    Detector detector;
    for (int frame = start; frame < start + 36; ++frame) {
      const Picture picture = marked(texture(256, 256, static_cast<std::uint64_t>(frame)), frame);
      detector.add(picture.rgb, 256, 256, (frame - start) / kFps);
    }
    const Detection found = detector.find({kKey});
    EXPECT_EQ(found.id, kId) << start << " score " << found.score;
  }
}

TEST(Detector, TellsKeysApart) {
  std::vector<WatermarkKey> keys;
  for (std::uint8_t number = 0; number < 10; ++number) keys.push_back(key_number(number));
  const Detection found = watched(256, 256, 24, true, same).find(keys);
  EXPECT_EQ(found.key, 7U);
  EXPECT_EQ(found.id, kId);
}

// --- what must not be found ---

TEST(Detector, FindsNothingWithoutTheMark) {
  for (const auto search : {WatermarkSearch::aligned, WatermarkSearch::every_scale}) {
    const Detection found = watched(256, 256, 24, false, same).find({kKey}, search);
    EXPECT_FALSE(found.found()) << found.log10_chance;
    EXPECT_EQ(found.id, std::nullopt);
  }
}

TEST(Detector, FindsNothingWithAnotherKey) {
  const Detector detector = watched(256, 256, 24, true, same);
  for (std::uint8_t number = 8; number < 12; ++number) {
    const Detection found = detector.find({key_number(number)});
    EXPECT_FALSE(found.found()) << found.log10_chance;
    EXPECT_EQ(found.id, std::nullopt);
  }
}

TEST(Detector, TheBoundIsHoeffdingsForAllThatIsTried) {
  const Detector detector = watched(256, 256, 24, true, same);
  const double exponent = [&] {
    const Detection found = detector.find({kKey}, WatermarkSearch::aligned);
    EXPECT_NEAR(found.log10_chance, std::log10(3 / 0.5) - found.score * found.score / 2 / std::log(10.0), 1e-9);
    return found.log10_chance;
  }();
  // Ten keys are ten times as many hypotheses.
  std::vector<WatermarkKey> keys(9, key_number(99));
  keys.push_back(kKey);
  EXPECT_NEAR(detector.find(keys, WatermarkSearch::aligned).log10_chance, exponent + 1, 1e-9);
}

TEST(Detector, SaysNothingOfNothing) {
  const Detection found = Detector().find({kKey});
  EXPECT_FALSE(found.found());
  EXPECT_EQ(found.log10_chance, 0);
  Detector flat;
  const Picture one = grey(64, 64, 77);
  for (int frame = 0; frame < 3; ++frame) flat.add(one.rgb, 64, 64, frame);
  EXPECT_FALSE(flat.find({kKey}).found());
  EXPECT_FALSE(flat.find({}).found());
}

TEST(Detector, TakesPicturesOfAllSizes) {
  for (const auto& [width, height] : {std::pair{16, 16}, {16, 700}, {701, 17}, {3000, 32}, {2500, 2100}}) {
    Detector detector;
    const Picture picture = texture(width, height, 1);
    detector.add(picture.rgb, width, height, 0);
    const Detection found = detector.find({kKey}, WatermarkSearch::resized);
    EXPECT_FALSE(found.found()) << width << 'x' << height;
    EXPECT_TRUE(std::isfinite(found.score) && std::isfinite(found.log10_chance));
  }
}

TEST(Detector, FindsItInTheMiddleOfALargePicture) {
  Detector detector;
  const Picture picture = marked(texture(2600, 2200, 1));
  detector.add(picture.rgb, picture.width, picture.height, 0);
  const Detection found = detector.find({kKey});
  EXPECT_TRUE(found.aligned);
  EXPECT_EQ(found.id, kId);
}

TEST(Detector, RefusesSizesThatChangeOrAreNone) {
  Detector detector;
  const Picture one = grey(64, 64, 1), other = grey(64, 80, 1);
  detector.add(one.rgb, 64, 64, 0);
  EXPECT_EQ(error_of(Fault::input, [&] { detector.add(other.rgb, 64, 80, 1.5); }),
            "the picture changes its size from 64x64 to 64x80 at 1.500 s; a watermark is looked for in one size");
  EXPECT_EQ(error_of(Fault::input, [&] { Detector().add(one.rgb, 15, 64, 0); }),
            "a watermark is looked for in pictures of 16x16 to 8192x8192, not 15x64");
}

}  // namespace
}  // namespace sora
