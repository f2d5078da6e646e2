// Resizing, against Pillow, and what the three fits make of a picture's aspect ratio.
#include "media/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "sora/checkpoint.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

using Pixels = std::vector<std::uint8_t>;

struct Picture {
  PixelSize size;
  Pixels rgb;

  std::array<int, 3> at(int x, int y) const {
    const std::uint8_t* pixel = &rgb.at(std::size_t{3} * (size.width * y + x));
    return {pixel[0], pixel[1], pixel[2]};
  }
};

Picture filled(PixelSize size, std::array<std::uint8_t, 3> colour) {
  Picture picture{size, {}};
  for (int i = 0; i < size.width * size.height; ++i)
    picture.rgb.insert(picture.rgb.end(), colour.begin(), colour.end());
  return picture;
}

// Every pixel is another.
Picture ramps(PixelSize size) {
  Picture picture{size, {}};
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      for (const int value : {255 * x / size.width, 255 * y / size.height, x * y})
        picture.rgb.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return picture;
}

Picture fit(const Picture& picture, PixelSize to, Resize how) {
  return {to, Fitter(picture.size, to, how)(picture.rgb)};
}

Picture cut(const Picture& picture, const Crop& crop) {
  Picture part{crop.size, {}};
  for (int y = 0; y < crop.size.height; ++y) {
    const auto row = picture.rgb.begin() + 3 * (picture.size.width * (crop.top + y) + crop.left);
    part.rgb.insert(part.rgb.end(), row, row + 3 * crop.size.width);
  }
  return part;
}

/// What scripts/references/make_pillow.py wrote.
class PillowCases {
 public:
  Picture picture(const std::string& name) const {
    const StoredTensor& tensor = header_.tensors.at(name);
    const Pixels rgb(file_.begin() + tensor.begin, file_.begin() + tensor.end);
    return {{static_cast<int>(tensor.shape.at(1)), static_cast<int>(tensor.shape.at(0))}, rgb};
  }
  int pictures() const { return static_cast<int>(header_.tensors.size()) / 3; }

 private:
  const std::filesystem::path path_ = test::data("media/pillow.safetensors");
  const SafetensorsHeader header_ = read_safetensors_header(path_);
  const std::string file_ = test::read_text(path_);
};

TEST(Resampler, EqualsPillow) {
  const PillowCases cases;
  ASSERT_EQ(cases.pictures(), 9);
  for (int i = 0; i < cases.pictures(); ++i) {
    const Picture in = cases.picture("in." + std::to_string(i));
    for (const auto& [name, filter] :
         {std::pair{"lanczos.", Filter::lanczos}, std::pair{"bicubic.", Filter::bicubic}}) {
      const Picture expected = cases.picture(name + std::to_string(i));
      EXPECT_EQ(Resampler(in.size, expected.size, filter)(in.rgb), expected.rgb) << name << i;
    }
  }
}

TEST(Resampler, APartIsThatPartOfTheWhole) {
  const Picture in = ramps({50, 37});
  for (const PixelSize to : {PixelSize{90, 61}, PixelSize{33, 21}, PixelSize{50, 61}, PixelSize{90, 37}, in.size}) {
    const Picture whole{to, Resampler(in.size, to, Filter::lanczos)(in.rgb)};
    for (const Crop& crop : {Crop{0, 0, {1, 1}}, Crop{7, 9, {20, 11}}, Crop{0, to.height - 5, {to.width, 5}}})
      EXPECT_EQ(Resampler(in.size, to, crop, Filter::lanczos)(in.rgb), cut(whole, crop).rgb);
  }
}

TEST(Resampler, HoldsItsCallerToItsSizes) {
  EXPECT_EQ(test::error_of(Fault::bug,
                           [] {
                             Resampler({4, 3}, {8, 6}, {1, 0, {8, 6}}, Filter::lanczos);
                           }),
            "a 8x6 part at 1, 0 of 4x3 resized to 8x6");
  EXPECT_EQ(test::error_of(Fault::bug,
                           [] {
                             Resampler({4, 3}, {8, 6}, Filter::lanczos)(Pixels(35));
                           }),
            "a picture of 4x3 came in 35 bytes");
}

TEST(Fitter, StretchIsPillowsResize) {
  const PillowCases cases;
  const Picture in = cases.picture("in.0"), expected = cases.picture("lanczos.0");
  EXPECT_EQ(fit(in, expected.size, Resize::stretch).rgb, expected.rgb);
}

TEST(Fitter, AllThreeAreOneWhereTheAspectRatioIsTheSame) {
  const Picture in = ramps({60, 40});
  for (const PixelSize to : {PixelSize{90, 60}, PixelSize{30, 20}, in.size}) {
    EXPECT_EQ(fit(in, to, Resize::crop).rgb, fit(in, to, Resize::stretch).rgb);
    EXPECT_EQ(fit(in, to, Resize::pad).rgb, fit(in, to, Resize::stretch).rgb);
  }
}

TEST(Fitter, CropKeepsTheMiddle) {
  const Picture wide = ramps({64, 16}), tall = ramps({16, 64});
  EXPECT_EQ(fit(wide, {16, 16}, Resize::crop).rgb, cut(wide, {24, 0, {16, 16}}).rgb);
  EXPECT_EQ(fit(tall, {16, 16}, Resize::crop).rgb, cut(tall, {0, 24, {16, 16}}).rgb);
  // 64x16 covers 48x32 at 128x32.
  const Picture twice{{128, 32}, Resampler(wide.size, {128, 32}, Filter::lanczos)(wide.rgb)};
  EXPECT_EQ(fit(wide, {48, 32}, Resize::crop).rgb, cut(twice, {40, 0, {48, 32}}).rgb);
}

TEST(Fitter, PadAddsBlackBars) {
  const std::array<int, 3> black{0, 0, 0}, red{200, 10, 20};
  const Picture wide = fit(filled({64, 16}, {200, 10, 20}), {32, 32}, Resize::pad);  // 32x8 from row 12 on
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) EXPECT_EQ(wide.at(x, y), y >= 12 && y < 20 ? red : black) << x << ", " << y;
  }
  const Picture tall = fit(filled({16, 64}, {200, 10, 20}), {33, 32}, Resize::pad);  // 8x32 from column 12 on
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 33; ++x) EXPECT_EQ(tall.at(x, y), x >= 12 && x < 20 ? red : black) << x << ", " << y;
  }
}

TEST(Fitter, ExtremeAspectRatios) {
  for (const PixelSize from : {PixelSize{16384, 1}, PixelSize{1, 16384}}) {
    const Picture line = filled(from, {9, 8, 7});
    EXPECT_EQ(fit(line, {832, 480}, Resize::crop).rgb, filled({832, 480}, {9, 8, 7}).rgb);
    const Picture padded = fit(line, {832, 480}, Resize::pad);
    EXPECT_EQ(padded.at(415, 239), (std::array<int, 3>{9, 8, 7})) << "a line one pixel thin, in the middle";
    EXPECT_EQ(padded.at(414, 238), (std::array<int, 3>{0, 0, 0}));
    EXPECT_EQ(padded.at(416, 240), (std::array<int, 3>{0, 0, 0}));
  }
}

}  // namespace
}  // namespace sora
