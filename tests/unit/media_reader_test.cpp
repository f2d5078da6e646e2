// media/: the user's pictures and clips, as Pillow and a player show them; and files that are refused. The files are
// from scripts/references/make_media.py.
#include "media/media_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "media/display.h"
#include "media/sinks.h"
#include "sora/checkpoint.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TempDir;
using Colour = std::array<int, 3>;

constexpr Rational kAnyRate{24, 1};
constexpr Colour kRed{200, 30, 30}, kGreen{30, 180, 30}, kBlue{40, 40, 200};

struct Picture {
  PixelSize size;
  std::vector<std::uint8_t> rgb;

  Colour at(int x, int y) const {
    const std::uint8_t* pixel = &rgb.at(std::size_t{3} * (size.width * y + x));
    return {pixel[0], pixel[1], pixel[2]};
  }
};

fs::path file(const std::string& name) { return test::data("media/" + name); }

FramesFn append_to(std::vector<Picture>& pictures) {
  return [&pictures](const Frames& frame) {
    EXPECT_EQ(frame.count, 1);
    pictures.push_back({{frame.width, frame.height}, {frame.rgb.begin(), frame.rgb.end()}});
  };
}

std::vector<Picture> read(const fs::path& path, const Rational& fps, int first, int count) {
  std::vector<Picture> pictures;
  read_media(path, fps, first, count, append_to(pictures));
  return pictures;
}

std::vector<Picture> read_all(const fs::path& path) {
  const MediaInfo info = probe_media(path);
  std::vector<Picture> pictures = read(path, info.image ? kAnyRate : info.fps, 0, info.frames);
  for (const Picture& picture : pictures) EXPECT_EQ(picture.size, info.size);
  return pictures;
}

std::string refusal_of(const fs::path& path) {
  const std::string probed = error_of(Fault::input, [&] { probe_media(path); });
  EXPECT_EQ(error_of(Fault::input, [&] { read(path, kAnyRate, 0, 1'000'000); }), probed);
  EXPECT_THAT(probed, testing::StartsWith(path.string() + ": "));
  return probed.substr(std::min(probed.size(), path.string().size() + 2));
}

std::string refusal_of_bytes(const std::string& content) {
  const TempDir folder;
  test::write_file(folder / "a.mp4", content);
  return refusal_of(folder / "a.mp4");
}

MATCHER_P2(IsColour, colour, tolerance, "") {
  for (int i = 0; i < 3; ++i) {
    if (std::abs(arg[i] - colour[i]) > tolerance) return false;
  }
  return true;
}

Colour grey_of(int frame) { return {40 + 30 * frame, 40 + 30 * frame, 40 + 30 * frame}; }

// Frame n: grey with a red, a green and a blue corner.
void expect_frame(const Picture& picture, int n, int tolerance, const std::string& what) {
  const int right = picture.size.width - 3, bottom = picture.size.height - 3;
  EXPECT_THAT(picture.at(picture.size.width / 2, picture.size.height / 2), IsColour(grey_of(n), tolerance)) << what;
  EXPECT_THAT(picture.at(2, 2), IsColour(kRed, tolerance)) << what;
  EXPECT_THAT(picture.at(right, 2), IsColour(kGreen, tolerance)) << what;
  EXPECT_THAT(picture.at(2, bottom), IsColour(kBlue, tolerance)) << what;
  EXPECT_THAT(picture.at(right, bottom), IsColour(grey_of(n), tolerance)) << what;
}

// The n of each frame.
std::vector<int> frames_shown(const std::vector<Picture>& pictures) {
  std::vector<int> shown;
  for (const Picture& picture : pictures) {
    const int level = picture.at(picture.size.width / 2, picture.size.height / 2)[1];
    shown.push_back((level - 40 + 15) / 30);
  }
  return shown;
}

class Pictures : public ::testing::Test {
 protected:
  const fs::path path_ = file("pictures.safetensors");
  const SafetensorsHeader header_ = read_safetensors_header(path_);
  const std::string content_ = test::read_text(path_);

  Picture expected(const std::string& name) const {
    const StoredTensor& tensor = header_.tensors.at(name);
    return {{static_cast<int>(tensor.shape.at(1)), static_cast<int>(tensor.shape.at(0))},
            {content_.begin() + tensor.begin, content_.begin() + tensor.end}};
  }
  // Largest difference of a value, and their mean.
  std::pair<int, double> difference(const std::string& name) const {
    const Picture picture = read_all(file(name)).at(0), pillow = expected(name);
    EXPECT_EQ(picture.size, pillow.size) << name;
    int largest = 0;
    double sum = 0;
    for (std::size_t i = 0; i < pillow.rgb.size(); ++i) {
      const int error = std::abs(picture.rgb.at(i) - pillow.rgb[i]);
      largest = std::max(largest, error);
      sum += error;
    }
    return {largest, sum / static_cast<double>(pillow.rgb.size())};
  }
};

TEST_F(Pictures, LosslessOnesEqualPillow) {
  for (const std::string name : {"rgb.png", "rgba.png", "palette.png", "grey.png", "grey_alpha.png", "bits.png",
                                 "rgb.bmp", "lossless.webp", "alpha.webp"})
    EXPECT_EQ(difference(name).first, 0) << name;
}

TEST_F(Pictures, SixteenBitsAreRoundedToEight) { EXPECT_LE(difference("rgb48.png").first, 1); }

// Two decoders of JPEG may differ by a level or two, and by more where colours have half the resolution.
TEST_F(Pictures, LossyOnesAreCloseToPillow) {
  struct Bar {
    const char* name;
    int largest;
    double mean;
  };
  for (const Bar& bar : {Bar{"444.jpg", 2, 0.1}, Bar{"grey.jpg", 1, 0.1}, Bar{"420.jpg", 3, 0.6},
                         Bar{"progressive.jpg", 3, 0.6}, Bar{"lossy.webp", 5, 1.4}}) {
    const auto [largest, mean] = difference(bar.name);
    EXPECT_LE(largest, bar.largest) << bar.name;
    EXPECT_LE(mean, bar.mean) << bar.name;
  }
}

TEST_F(Pictures, AreTurnedAsTheirCameraSays) {
  for (int i = 1; i <= 8; ++i) {
    const std::string name = "orientation" + std::to_string(i) + ".jpg";
    EXPECT_LE(difference(name).first, 2) << name;
    EXPECT_EQ(probe_media(file(name)).size, i <= 4 ? (PixelSize{24, 16}) : (PixelSize{16, 24}));
  }
}

TEST_F(Pictures, HaveOneFrameAtAnyRate) {
  const MediaInfo info = probe_media(file("rgb.png"));
  EXPECT_TRUE(info.image);
  EXPECT_EQ(info.size, (PixelSize{37, 23}));
  EXPECT_EQ(info.frames, 1);
  EXPECT_EQ(frames_at(info, {24, 1}), 1);
  for (const Rational& fps : {Rational{1, 1}, Rational{60, 1}}) EXPECT_EQ(read(file("rgb.png"), fps, 0, 1).size(), 1);
}

struct ClipCase {
  const char* name;
  PixelSize size = {48, 32};
  int tolerance = 3;
  Rational fps = {24, 1};
};
void PrintTo(const ClipCase& clip, std::ostream* out) { *out << clip.name; }

class Clips : public ::testing::TestWithParam<ClipCase> {};

TEST_P(Clips, EveryFrameIsRead) {
  const ClipCase& clip = GetParam();
  const MediaInfo info = probe_media(file(clip.name));
  EXPECT_FALSE(info.image);
  EXPECT_EQ(info.size, clip.size);
  EXPECT_EQ(info.frames, 6);
  EXPECT_EQ(info.fps, clip.fps);
  const std::vector<Picture> pictures = read_all(file(clip.name));
  ASSERT_EQ(pictures.size(), 6);
  for (int n = 0; n < 6; ++n) expect_frame(pictures[n], n, clip.tolerance, "frame " + std::to_string(n));
}

// tolerance: what the encoders leave of flat colours; ffv1, PNG and rawvideo are exact.
INSTANTIATE_TEST_SUITE_P(All, Clips,
                         ::testing::Values(ClipCase{"h264.mp4"}, ClipCase{"h264.mkv"}, ClipCase{"film_with_sound.mp4"},
                                           ClipCase{"h264_ntsc.mov", {48, 32}, 3, {24000, 1001}},
                                           ClipCase{"hevc10.mp4", {96, 64}}, ClipCase{"av1.mp4"}, ClipCase{"vp9.webm"},
                                           ClipCase{"vp8.webm"}, ClipCase{"mpeg4.avi"}, ClipCase{"mjpeg.avi"},
                                           ClipCase{"prores.mov"}, ClipCase{"png.mov", {48, 32}, 0},
                                           ClipCase{"ffv1.mkv", {48, 32}, 0}, ClipCase{"raw.avi", {12, 9}, 0},
                                           ClipCase{"odd.mkv", {33, 19}, 2}, ClipCase{"wide_pixels.mp4", {64, 32}},
                                           ClipCase{"narrow_pixels.mp4", {48, 43}}));

TEST(Gif, IsAClip) {
  const MediaInfo info = probe_media(file("animation.gif"));
  EXPECT_EQ(info.fps, (Rational{20, 1}));
  EXPECT_EQ(info.frames, 6);
  EXPECT_EQ(read_all(file("animation.gif")).size(), 6);
}

TEST(Clip, OfOneFrameIsAnImage) {
  const MediaInfo info = probe_media(file("one_frame.mp4"));
  EXPECT_TRUE(info.image);
  EXPECT_EQ(info.frames, 1);
  expect_frame(read_all(file("one_frame.mp4")).at(0), 0, 3, "");
}

TEST(Clip, IsTurnedAsItsFileSays) {
  for (const Picture& picture : read_all(file("rotated90.mp4"))) {
    EXPECT_EQ(picture.size, (PixelSize{32, 48}));
    EXPECT_THAT(picture.at(2, 2), IsColour(kGreen, 3));
    EXPECT_THAT(picture.at(2, 45), IsColour(kRed, 3));
    EXPECT_THAT(picture.at(29, 45), IsColour(kBlue, 3));
  }
  for (const Picture& picture : read_all(file("rotated180.mp4"))) {
    EXPECT_EQ(picture.size, (PixelSize{48, 32}));
    EXPECT_THAT(picture.at(2, 29), IsColour(kGreen, 3));
    EXPECT_THAT(picture.at(45, 29), IsColour(kRed, 3));
    EXPECT_THAT(picture.at(45, 2), IsColour(kBlue, 3));
  }
  for (const Picture& picture : read_all(file("rotated270.mp4"))) {
    EXPECT_EQ(picture.size, (PixelSize{32, 48}));
    EXPECT_THAT(picture.at(29, 45), IsColour(kGreen, 3));
    EXPECT_THAT(picture.at(29, 2), IsColour(kRed, 3));
    EXPECT_THAT(picture.at(2, 2), IsColour(kBlue, 3));
  }
}

TEST(Orientation, OnlyQuarterTurns) {
  constexpr std::int32_t kOne = 1 << 16;
  const auto of = [](std::int32_t a, std::int32_t b, std::int32_t c, std::int32_t d) {
    const std::array<std::int32_t, 9> matrix{a, b, 0, c, d, 0, 0, 0, 1 << 30};
    return orientation_of(matrix);
  };
  EXPECT_EQ(of(kOne, 0, 0, kOne), Orientation{});
  EXPECT_EQ(of(-kOne, 0, 0, kOne), (Orientation{false, true, false}));
  EXPECT_EQ(of(0, kOne, -kOne, 0), (Orientation{true, true, false}));
  EXPECT_EQ(of(46341, 46341, -46341, 46341), std::nullopt);
  EXPECT_EQ(of(0, 0, 0, 0), std::nullopt);
}

TEST(Colours, AreThoseOfTheTags) {
  for (const std::string matrix : {"bt709", "smpte170m", "bt2020nc"}) {
    for (const std::string range : {"_tv.mkv", "_pc.mkv"})
      expect_frame(read_all(file(matrix + range)).at(0), 0, 2, matrix + range);
  }
}

TEST(Colours, WithoutTagsTheSizeDecides) {
  expect_frame(read_all(file("untagged_small.mkv")).at(0), 0, 2, "718 lines, BT.601");
  expect_frame(read_all(file("untagged_large.mkv")).at(0), 0, 2, "720 lines, BT.709");
}

TEST(Rate, FramesAreTheLastThatHaveBegun) {
  const fs::path clip = file("h264.mp4");  // 24 fps: they begin at 0, 41.7, 83.3, 125, 166.7 and 208.3 ms
  using testing::ElementsAre;
  EXPECT_EQ(frames_at(probe_media(clip), {12, 1}), 3);
  EXPECT_THAT(frames_shown(read(clip, {12, 1}, 0, 3)), ElementsAre(0, 2, 4));
  EXPECT_EQ(frames_at(probe_media(clip), {16, 1}), 4);
  EXPECT_THAT(frames_shown(read(clip, {16, 1}, 0, 4)), ElementsAre(0, 1, 3, 4));  // 0, 62.5, 125, 187.5 ms
  EXPECT_EQ(frames_at(probe_media(clip), {30, 1}), 8);
  EXPECT_THAT(frames_shown(read(clip, {30, 1}, 0, 8)), ElementsAre(0, 0, 1, 2, 3, 4, 4, 5));
  EXPECT_EQ(frames_at(probe_media(clip), {1, 1}), 1);
  EXPECT_THAT(frames_shown(read(clip, {1, 1}, 0, 1)), ElementsAre(0));
}

TEST(Rate, AtItsOwnRateAClipIsUnchanged) {
  for (const std::string name : {"h264.mp4", "h264.mkv", "vp9.webm", "mpeg4.avi"})  // Matroska has milliseconds only
    EXPECT_THAT(frames_shown(read(file(name), {24, 1}, 0, 6)), testing::ElementsAre(0, 1, 2, 3, 4, 5)) << name;
}

TEST(Rate, VariableRates) {
  for (const std::string name : {"variable.mkv", "variable.mp4"}) {
    const fs::path clip = file(name);  // 0, 40, 80, 400, 440 and 1000 ms
    const MediaInfo info = probe_media(clip);
    EXPECT_EQ(info.frames, 6);
    EXPECT_EQ(info.fps, (Rational{5, 1}));
    EXPECT_EQ(frames_at(info, {25, 1}), 30);
    std::vector<int> expected{0, 1};
    expected.insert(expected.end(), 8, 2);
    expected.push_back(3);
    expected.insert(expected.end(), 14, 4);
    expected.insert(expected.end(), 5, 5);
    EXPECT_EQ(frames_shown(read(clip, {25, 1}, 0, 30)), expected);
    EXPECT_THAT(frames_shown(read(clip, {10, 1}, 0, 12)), testing::ElementsAre(0, 2, 2, 2, 3, 4, 4, 4, 4, 4, 5, 5));
  }
}

TEST(Range, AnyPartIsThatPartOfTheWhole) {
  const fs::path clip = file("h264.mp4");
  EXPECT_THAT(frames_shown(read(clip, {24, 1}, 4, 2)), testing::ElementsAre(4, 5));
  EXPECT_THAT(frames_shown(read(clip, {24, 1}, 2, 1)), testing::ElementsAre(2));
  EXPECT_THAT(frames_shown(read(clip, {48, 1}, 7, 5)), testing::ElementsAre(3, 4, 4, 5, 5));
  EXPECT_TRUE(read(clip, {24, 1}, 3, 0).empty());
}

TEST(Range, PartsOneAfterTheOtherAreTheWhole) {
  const fs::path clip = file("variable.mkv");
  for (const auto& [fps, frames] : {std::pair{25, 30}, {10, 12}, {100, 120}}) {
    const std::vector<int> whole = frames_shown(read(clip, {fps, 1}, 0, frames));
    for (const int step : {1, 3, 7}) {
      MediaReader reader(clip, {fps, 1});
      std::vector<Picture> parts;
      while (reader.position() < frames) {
        const int first = reader.position();
        reader.read(first, std::min(step, frames - first), append_to(parts));
      }
      EXPECT_EQ(frames_shown(parts), whole) << fps << " fps, by " << step;
    }
  }
  MediaReader reader(clip, {25, 1});
  std::vector<Picture> parts;
  reader.read(8, 2, append_to(parts));
  reader.read(24, 3, append_to(parts));
  EXPECT_THAT(frames_shown(parts), testing::ElementsAre(2, 2, 4, 5, 5));
  EXPECT_EQ(error_of(Fault::bug, [&] { reader.read(26, 1, append_to(parts)); }),
            "1 frames from 26 on, after 27 were read");
}

TEST(Range, BeyondTheEndIsRefused) {
  const fs::path clip = file("h264.mp4"), picture = file("rgb.png");
  EXPECT_EQ(error_of(Fault::input,
                     [&] {
                       read(clip, {24, 1}, 5, 2);
                     }),
            clip.string() + ": has 6 frames at 24 fps; 2 from frame 5 on were asked for");
  EXPECT_EQ(error_of(Fault::input,
                     [&] {
                       read(picture, {16, 1}, 0, 2);
                     }),
            picture.string() + ": has 1 frames at 16 fps; 2 from frame 0 on were asked for");
}

TEST(RoundTrip, WhatWeWriteWeRead) {
  const TempDir folder;
  const std::vector<Picture> film = read_all(file("ffv1.mkv"));
  for (const Rational& fps : {Rational{24, 1}, Rational{30000, 1001}}) {
    const OpenedSink output = open_sink({.path = folder / "a.mp4", .crf = 4, .overwrite = true}, {48, 32}, fps, 6);
    for (const Picture& picture : film) output.sink->write({1, 32, 48, picture.rgb});
    output.sink->finish();
    EXPECT_EQ(probe_media(folder / "a.mp4").fps, fps);
    const std::vector<Picture> again = read_all(folder / "a.mp4");
    ASSERT_EQ(again.size(), 6);
    for (int n = 0; n < 6; ++n) expect_frame(again[n], n, 3, "frame " + std::to_string(n));
  }
}

TEST(Refused, WhatIsNoFile) {
  const TempDir folder;
  EXPECT_EQ(refusal_of(folder / "no.png"), "cannot be opened: No such file or directory");
  EXPECT_EQ(refusal_of(folder.path()), "is a folder, expected a picture or a clip");
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal_of(folder / "pipe"), "is no regular file, expected a picture or a clip");
  EXPECT_EQ(refusal_of_bytes(std::string()), "is empty, expected a picture or a clip");
}

// The name is none of libav's patterns, protocols or options.
TEST(Refused, NamesAreJustNames) {
  const TempDir folder;
  for (const std::string name : {"%d.png", "concat:a", "-i", "a:b|c"}) {
    fs::copy_file(file("rgb.png"), folder / name);
    EXPECT_EQ(probe_media(folder / name).size, (PixelSize{37, 23})) << name;
  }
}

TEST(Refused, WhatIsNoPictureOrClip) {
  constexpr auto kExpected = "\"; expected PNG, JPEG, WebP, BMP, GIF, MP4, MOV, MKV, WebM or AVI";
  const auto begins_with = [&](const std::string& text) {
    return "is no picture or clip that can be read: it begins with \"" + text + kExpected;
  };
  EXPECT_EQ(refusal_of_bytes("Just some text, not a film.\n"), begins_with("Just some text, "));
  EXPECT_EQ(refusal_of_bytes("\x1b]0;evil\x07"), begins_with("\\x1b]0;evil\\x07"));
  // What makes libav open other files.
  EXPECT_EQ(refusal_of_bytes("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"), begins_with("#EXTM3U\\x0a#EXTINF:"));
  EXPECT_EQ(refusal_of_bytes("ffconcat version 1.0\nfile '/etc/passwd'\n"), begins_with("ffconcat version"));
  EXPECT_EQ(refusal_of_bytes("<?xml version=\"1.0\"?><MPD></MPD>"), begins_with("<?xml version=\"1"));
  EXPECT_EQ(
      refusal_of_bytes(std::string("\0\0\0\x18"
                                   "ftypheic\0\0\0\0mif1heic",
                                   24)),
      "is a HEIF or AVIF picture, which cannot be read; expected PNG, JPEG, WebP, BMP, GIF, MP4, MOV, MKV, WebM or "
      "AVI");
}

TEST(Refused, WhatHasNoPictureInIt) {
  EXPECT_EQ(refusal_of(file("sound.mp4")), "has no video in it");
  EXPECT_EQ(refusal_of(file("no_frames.avi")), "has no pictures in it");
}

TEST(Refused, WhatIsNotOnTheList) {
  EXPECT_EQ(refusal_of(file("wmv.avi")),
            "its video is coded as wmv2; expected H.264, HEVC, AV1, VP8, VP9, MPEG-4, MJPEG, ProRes, FFV1, PNG or raw");
  EXPECT_EQ(refusal_of(file("animated.webp")),
            "is an animated WebP, which cannot be read; expected a still one, a GIF or MP4");
  EXPECT_EQ(refusal_of(file("pq.mkv")), "is HDR video (PQ), expected standard dynamic range; tone-map it first");
  EXPECT_EQ(refusal_of(file("two_sizes.mkv")),
            "frame 7 is 64x32 pixels large and the first one 48x32; expected one size");
}

TEST(Refused, WhatLastsTooLong) {
  EXPECT_EQ(error_of(Fault::input, [] { probe_media(file("slow.mkv")); }),
            file("slow.mkv").string() + ": lasts 55:33:20 by its timestamps, at most a day is accepted");
}

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

TEST(Refused, PicturesThatAreTooLargeByTheirHeader) {
  const auto png = [](std::uint32_t width, std::uint32_t height) {
    return "\x89PNG\r\n\x1a\n" + big_endian(13) + "IHDR" + big_endian(width) + big_endian(height) +
           std::string("\x08\x02\0\0\0....", 9);
  };
  const auto too_large = [](const std::string& size) {
    return "is " + size + " pixels large; at most 16384 a side and 64 megapixels in all are accepted";
  };
  EXPECT_EQ(refusal_of_bytes(png(30'000, 30'000)), too_large("30000x30000"));
  EXPECT_EQ(refusal_of_bytes(png(16'385, 1)), too_large("16385x1"));
  EXPECT_EQ(refusal_of_bytes(png(16'384, 4'097)), too_large("16384x4097"));
  EXPECT_EQ(refusal_of_bytes(png(0xffffffff, 1)), too_large("1073741824x1"));
  EXPECT_EQ(refusal_of_bytes(png(0, 1)), "has no size; the file is damaged or incomplete");
  EXPECT_THAT(refusal_of_bytes(png(16'384, 4'096)), testing::StartsWith("cannot be decoded: ")) << "the size is right";

  const std::string jpeg =
      std::string("\xff\xd8\xff\xe0\0\x04..", 8) + std::string("\xff\xc0\0\x11\x08\x75\x30\x75\x30", 9);
  EXPECT_EQ(refusal_of_bytes(jpeg + "\xff\xd9"), too_large("30000x30000"));
  const std::string webp = std::string("RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x2f\x75\0\x2f\x75\0", 30);
  EXPECT_EQ(refusal_of_bytes(webp), too_large("30000x30000"));
  const std::string bmp = "BM" + std::string(12, '\0') + std::string("\x28\0\0\0\x30\x75\0\0\xd0\x8a\xff\xff", 12);
  EXPECT_EQ(refusal_of_bytes(bmp), too_large("30000x30000")) << "its rows stand from top to bottom: a negative height";
}

TEST(Refused, ClipsThatAreTooLargeByTheirHeader) {
  std::string clip = test::read_text(file("h264.mp4"));
  const std::size_t sample = clip.rfind("avc1");  // the first one is ftyp's brand
  ASSERT_NE(sample, clip.find("avc1"));
  clip.replace(sample + 28, 4, "\x75\x30\x75\x30");
  EXPECT_EQ(refusal_of_bytes(clip),
            "is 30000x30000 pixels large; at most 16384 a side and 64 megapixels in all are accepted");
}

// Decoders alone would give a shorter clip, or a picture with a grey lower half.
TEST(Refused, WhatIsIncomplete) {
  for (const std::string name :
       {"h264.mp4", "h264.mkv", "vp9.webm", "raw.avi", "mjpeg.avi", "prores.mov", "animation.gif", "rgb.png", "420.jpg",
        "progressive.jpg", "orientation6.jpg", "lossless.webp", "lossy.webp", "rgb.bmp"}) {
    const std::string whole = test::read_text(file(name));
    ASSERT_EQ(error_of(Fault::input, [&] { probe_media(file(name)); }), "nothing was thrown");
    for (const std::size_t percent : {1, 10, 25, 50, 75, 85}) {
      const std::string refusal =
          refusal_of_bytes(whole.substr(0, std::max<std::size_t>(16, whole.size() * percent / 100)));
      EXPECT_THAT(refusal, testing::ContainsRegex("incomplete|no video in it")) << name << ", " << percent << " %";
    }
  }
  const std::string clip = test::read_text(file("h264.mp4"));
  EXPECT_EQ(refusal_of_bytes(clip.substr(0, clip.size() - 1)),
            fmt::format("is incomplete: its {} bytes end before its content does", clip.size() - 1));
}

TEST(Refused, WhatIsDamaged) {
  for (const std::string name : {"h264.mp4", "png.mov", "rgb.png"}) {
    std::string content = test::read_text(file(name));
    const std::size_t begin = name == "rgb.png" ? 60 : content.size() / 2;
    for (std::size_t i = begin; i < begin + 12; ++i) content[i] = static_cast<char>(content[i] ^ 0x5a);
    EXPECT_THAT(refusal_of_bytes(content),
                testing::MatchesRegex("cannot be decoded.*; the file is damaged or incomplete"))
        << name;
  }
}

}  // namespace
}  // namespace sora
