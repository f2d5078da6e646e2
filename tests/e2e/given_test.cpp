// What a user can give the shipped checkpoint besides a prompt, and how it comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "support/shipped.h"

namespace sora {
namespace {

using test::operator+;
using test::difference;
using test::Film;
using test::meadow;
using test::median_difference;
using test::plain;
using test::psnr;
using test::Rgb;
using test::run;
using test::RunResult;
using test::Words;
using test::write_clip;
using test::write_picture;
using testing::ElementsAreArray;

using GivenFrames = test::Shipped;

std::vector<Rgb> part(const std::vector<Rgb>& frames, std::size_t first, std::size_t count) {
  return {frames.begin() + static_cast<std::ptrdiff_t>(first),
          frames.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

// Comparing all of it in one matcher would print megabytes.
void expect_same(const std::vector<Rgb>& actual, const std::vector<Rgb>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_EQ(difference(actual[i], expected[i]), 0) << "frame " << i;
}

// --- images and frames of clips ---

TEST_F(GivenFrames, AnImageIsTheFirstFrame) {
  const Film film = meadow(1, 128);
  write_picture(folder_ / "a.png", film);
  const std::vector<Rgb> made = frames("out", {"--image", "a.png", "--num-frames", "9"}, "128x128");
  ASSERT_EQ(made.size(), 9U);
  EXPECT_EQ(difference(made[0], film.frames[0]), 0);
  EXPECT_EQ(render({"--image", "a.png", "--num-frames", "9", "-o", "out.mp4"}, "128x128").exit_code, 0);
  EXPECT_GE(psnr(test::read_video(folder_ / "out.mp4").frames.at(0), film.frames[0]), 35);
}

TEST_F(GivenFrames, AnImageIsTheLastFrameOfAnyLength) {
  const Film film = meadow(1, 128);
  write_picture(folder_ / "z.png", film);
  for (const std::string count : {"9", "10"}) {
    const std::vector<Rgb> made = frames(count, {"--last-image", "z.png", "--num-frames", count}, "128x128");
    ASSERT_EQ(made.size(), std::stoul(count));
    EXPECT_EQ(difference(made.back(), film.frames[0]), 0);
  }
  EXPECT_EQ(render({"--last-image", "z.png", "--num-frames", "10", "-o", "out.mp4"}, "128x128").exit_code, 0);
  EXPECT_GE(psnr(test::read_video(folder_ / "out.mp4").frames.at(9), film.frames[0]), 35);
}

TEST_F(GivenFrames, ARangeOfAClipLiesInTheMiddle) {
  const Film film = meadow(17), image = plain(64, 64, {200, 100, 50});
  write_clip(folder_ / "clip.mov", film);
  write_picture(folder_ / "z.png", image);
  const Words words{"--given", "clip.mov#3-10@5", "--given", "z.png@-1", "--num-frames", "21"};
  const std::vector<Rgb> made = frames("out", words);
  ASSERT_EQ(made.size(), 21U);
  expect_same(part(made, 5, 8), part(film.frames, 3, 8));
  EXPECT_EQ(difference(made[20], image.frames[0]), 0);
  for (const std::size_t generated : {0U, 4U, 13U, 16U}) EXPECT_GT(difference(made[generated], film.frames[3]), 0);
  // The prompt's own video is another one: what is given changes the frames around it too.
  EXPECT_GT(difference(made[0], frames("free", {"--num-frames", "21"}).at(0)), 1);
}

TEST_F(GivenFrames, AClipIsReadAtTheFrameRateOfTheVideo) {
  const Film film = meadow(10);
  write_clip(folder_ / "fast.mov", film, 16);
  const std::vector<Rgb> made = frames("out", {"--given", "fast.mov@0", "--num-frames", "9", "--fps", "8"});
  ASSERT_EQ(made.size(), 9U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(difference(made[i], film.frames[2 * i]), 0) << i;
}

std::array<std::uint8_t, 3> pixel(const Rgb& frame, int x, int y) {
  const std::size_t at = 3 * (static_cast<std::size_t>(y) * 32 + static_cast<std::size_t>(x));
  return {frame[at], frame[at + 1], frame[at + 2]};
}

TEST_F(GivenFrames, AnotherSizeAndAspectIsCroppedPaddedOrStretched) {
  using Colour = std::array<std::uint8_t, 3>;
  const Colour red{255, 0, 0}, green{0, 255, 0}, blue{0, 0, 255}, black{0, 0, 0};
  Film bands{96, 32, {Rgb()}};  // three times as wide as high
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 96; ++x) {
      const Colour& colour = x < 32 ? red : x < 64 ? green : blue;
      bands.frames[0].insert(bands.frames[0].end(), colour.begin(), colour.end());
    }
  }
  write_picture(folder_ / "bands.png", bands);
  const auto first = [&](const Words& fit) {
    return frames(fit.empty() ? "usual" : fit[1], Words{"--image", "bands.png", "--num-frames", "5"} + fit, "32x32")
        .at(0);
  };
  const Rgb cropped = first({}), padded = first({"--resize", "pad"}), stretched = first({"--resize", "stretch"});
  EXPECT_EQ(difference(cropped, first({"--resize", "crop"})), 0);
  for (const int x : {2, 16, 29}) EXPECT_EQ(pixel(cropped, x, 16), green) << x;
  EXPECT_EQ((std::array{pixel(padded, 4, 16), pixel(padded, 16, 16), pixel(padded, 27, 16)}),
            (std::array{red, green, blue}));
  EXPECT_EQ((std::array{pixel(padded, 16, 1), pixel(padded, 16, 30)}), (std::array{black, black}));
  EXPECT_EQ((std::array{pixel(stretched, 4, 1), pixel(stretched, 16, 16), pixel(stretched, 27, 30)}),
            (std::array{red, green, blue}));
}

// --- clips that go on ---

// Full size, for which the checkpoint was trained. Four steps are enough to see whether a video goes on from a clip.
class Extensions : public test::Shipped {
 protected:
  std::vector<Rgb> made(const std::string& name, const Words& words) const {
    const RunResult result = run(Words{"-p", "a red ball drifts to the right over a green meadow", "--seed", "1",
                                       "--threads", "1", "--steps", "4", "--quiet", "-o", name + "/%03d.png"} +
                                     words,
                                 {.working_directory = folder_.path()});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return pngs(name);
  }

  const Film film_ = meadow(17, 128);
  const std::string clip_ = write_clip(folder_ / "clip.mov", film_).filename().string();
};

TEST_F(Extensions, GoOnFromAClip) {
  const std::vector<Rgb> frames = made("out", {"--extend", clip_, "--extend-frames", "6"});
  ASSERT_EQ(frames.size(), 17U + 6);
  expect_same(part(frames, 0, 17), film_.frames);
  EXPECT_LE(difference(frames[16], frames[17]), 3 * median_difference(film_.frames));
}

TEST_F(Extensions, BeginBeforeAClip) {
  const Film slow = meadow(17, 128, 10, 0.3);
  write_clip(folder_ / "slow.mov", slow);
  const std::vector<Rgb> frames = made("out", {"--extend", "slow.mov", "--backward", "--extend-frames", "6"});
  ASSERT_EQ(frames.size(), 6U + 17);
  expect_same(part(frames, 6, 17), slow.frames);
  // The small checkpoint has seldom seen clean frames at the end, and jumps there by several times what moves from
  // frame to frame. That it leads to the clip shows beside a video that does not know of it (whose ratio is 1): 0.36 to
  // 0.47 with three seeds.
  const std::vector<Rgb> free = made("free", {"--num-frames", "14"});
  EXPECT_LE(difference(frames[5], frames[6]), 0.6 * difference(free[5], frames[6]));
}

TEST_F(Extensions, CountTheWholeOutputBySeconds) {
  const std::vector<Rgb> frames = made("out", {"--extend", clip_, "--seconds", "3"});
  ASSERT_EQ(frames.size(), 24U);
  expect_same(part(frames, 0, 17), film_.frames);
}

TEST_F(Extensions, OfSeveralWindows) {
  const Words words{"--extend", clip_, "--window-frames", "13", "--overlap-frames", "5", "--extend-frames", "20"};
  const std::vector<Rgb> forward = made("forward", words);
  ASSERT_EQ(forward.size(), 37U);
  expect_same(part(forward, 0, 17), film_.frames);
  const std::vector<Rgb> backward = made("backward", words + Words{"--backward"});
  ASSERT_EQ(backward.size(), 37U);
  expect_same(part(backward, 20, 17), film_.frames);
}

TEST_F(Extensions, LeadFromOneClipToAnother) {
  const Film other = meadow(9, 128, 30);
  write_clip(folder_ / "other.mov", other);
  const std::vector<Rgb> frames = made("out", {"--connect", clip_, "other.mov", "--extend-frames", "8"});
  ASSERT_EQ(frames.size(), 17U + 8 + 9);
  expect_same(part(frames, 0, 17), film_.frames);
  expect_same(part(frames, 25, 9), other.frames);
  EXPECT_LE(difference(frames[16], frames[17]), 3 * median_difference(film_.frames));
}

TEST_F(Extensions, LeadFromAClipToAnImage) {
  const Film image = meadow(1, 128, 30);
  write_picture(folder_ / "z.png", image);
  const std::vector<Rgb> frames = made("out", {"--connect", clip_, "z.png", "--extend-frames", "8"});
  ASSERT_EQ(frames.size(), 17U + 8 + 1);
  expect_same(part(frames, 0, 17), film_.frames);
  EXPECT_EQ(difference(frames[25], image.frames[0]), 0);
}

TEST_F(Extensions, OfAClipOfAnotherSizeNeedASize) {
  const Film odd = plain(100, 60, {10, 200, 30}, 9);
  write_clip(folder_ / "odd.mov", odd);
  const Words words{"-p", "x", "--extend", "odd.mov", "--extend-frames", "4"};
  EXPECT_EQ(test::refusal(2, words, {.working_directory = folder_.path()}),
            "sora-gen: error: --extend: odd.mov is 100x60, which this checkpoint cannot make: width 100 is not a "
            "multiple of 16 and height 60 is not a multiple of 16; nearest: 96x48, 112x48, 96x64, 112x64. Say another "
            "--size, and --resize crop, pad or stretch\n");
  const std::vector<Rgb> frames =
      made("out", {"--extend", "odd.mov", "--extend-frames", "4", "--size", "64x64", "--resize", "crop"});
  ASSERT_EQ(frames.size(), 13U);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(difference(frames[i], plain(64, 64, {10, 200, 30}).frames[0]), 0);
}

// --- videos that are changed ---

TEST_F(GivenFrames, AVideoIsChangedByStrength) {
  const Film film = meadow(9);
  write_clip(folder_ / "clip.mov", film);
  const auto distance = [&](const std::string& strength) {
    const std::vector<Rgb> made = frames(strength, {"--video", "clip.mov", "--strength", strength, "--steps", "10"});
    EXPECT_EQ(made.size(), 9U);
    double sum = 0;
    for (std::size_t i = 0; i < made.size(); ++i) sum += difference(made[i], film.frames[i]);
    return sum / 9;
  };
  const double little = distance("0.1"), half = distance("0.5"), all = distance("1");
  EXPECT_LT(little, half);
  EXPECT_LT(half, all);
}

// The left half is black and stays.
Film left_half_black(int side, int count) {
  Film film{side, side, {}};
  Rgb rgb;
  for (int i = 0; i < side * side; ++i) rgb.insert(rgb.end(), 3, i % side < side / 2 ? 0 : 255);
  film.frames.assign(static_cast<std::size_t>(count), rgb);
  return film;
}

void expect_left_half_kept(const std::vector<Rgb>& made, const Film& film) {
  ASSERT_EQ(made.size(), film.frames.size());
  for (std::size_t t = 0; t < made.size(); ++t) {
    double right = 0;
    for (std::size_t i = 0; i < made[t].size(); ++i) {
      const int change = std::abs(made[t][i] - film.frames[t][i]);
      if (static_cast<int>(i / 3) % film.width < film.width / 2) {
        ASSERT_EQ(change, 0) << "frame " << t << ", byte " << i;
      } else {
        right += change;
      }
    }
    EXPECT_GT(right, 0) << "frame " << t;
  }
}

TEST_F(GivenFrames, AMaskKeepsWhatIsBlack) {
  const Film film = meadow(9);
  write_clip(folder_ / "clip.mov", film);
  write_picture(folder_ / "mask.png", left_half_black(64, 1));
  write_clip(folder_ / "mask.mov", left_half_black(64, 9));
  const std::vector<Rgb> by_image = frames("image", {"--video", "clip.mov", "--mask", "mask.png"});
  expect_left_half_kept(by_image, film);
  expect_same(frames("clip", {"--video", "clip.mov", "--mask", "mask.mov"}), by_image);
}

// --- what is refused ---

struct Refused {
  std::string name;
  int exit_code;
  Words words;
  std::string message;
};

void PrintTo(const Refused& refused, std::ostream* out) { *out << testing::PrintToString(refused.words); }

class RefusedMedia : public testing::TestWithParam<Refused> {
 protected:
  RefusedMedia() {
    write_clip(folder_ / "clip.mov", meadow(17, 32));
    write_clip(folder_ / "short.mov", meadow(5, 32));
    write_picture(folder_ / "a.png", meadow(1, 32));
    test::write_file(folder_ / "text.mp4", "hello\n");
    test::write_file(folder_ / "empty.png", "");
    // An HLS playlist: libav would open the files that it names.
    test::write_file(folder_ / "list.mp4", "#EXTM3U\n#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n");
    test::write_file(folder_ / "list.png", "ffconcat version 1.0\nfile /etc/passwd\n");
    // The header of a PNG file of 30,000x30,000 pixels, 2.7 GB when decoded.
    const char header[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x75\x30\0\0\x75\x30\x08\x02\0\0\0\xe9\x45\x6f\xed";
    test::write_file(folder_ / "huge.png", {header, sizeof header - 1});
  }

  test::TempDir folder_;
};

TEST_P(RefusedMedia, SayWhatIsWrong) {
  const Refused& refused = GetParam();
  const Words usual{"-p", "x", "--seed", "1", "--size", "32x32", "--steps", "1", "-o", "out.mp4"};
  EXPECT_EQ(test::refusal(refused.exit_code, usual + refused.words, {.working_directory = folder_.path()}),
            "sora-gen: error: " + refused.message + "\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.mp4"));
}

const std::string kKinds = "expected PNG, JPEG, WebP, BMP, GIF, MP4, MOV, MKV, WebM or AVI";

INSTANTIATE_TEST_SUITE_P(
    Files, RefusedMedia,
    testing::Values(
        Refused{"Missing", 4, {"--image", "b.png"}, "b.png: cannot be opened: No such file or directory"},
        Refused{"AFolder", 4, {"--image", "."}, ".: is a folder, expected a picture or a clip"},
        Refused{"Empty", 4, {"--image", "empty.png"}, "empty.png: is empty, expected a picture or a clip"},
        Refused{"Text",
                4,
                {"--extend", "text.mp4"},
                "text.mp4: is no picture or clip that can be read: it begins with \"hello\\x0a\"; " + kKinds},
        Refused{"APlaylist",
                4,
                {"--given", "list.mp4@0"},
                "list.mp4: is no picture or clip that can be read: it begins with \"#EXTM3U\\x0a#EXTINF:\"; " + kKinds},
        Refused{"AnotherPlaylist",
                4,
                {"--image", "list.png"},
                "list.png: is no picture or clip that can be read: it begins with \"ffconcat version\"; " + kKinds},
        Refused{"NoFrames",
                4,
                {"--extend", test::data("media/no_frames.avi").string()},
                test::data("media/no_frames.avi").string() + ": has no pictures in it"},
        Refused{"Huge",
                4,
                {"--image", "huge.png"},
                "huge.png: is 30000x30000 pixels large; at most 16384 a side and 64 megapixels in all are accepted"}),
    [](const auto& test) { return test.param.name; });

const std::string kShipped = "this checkpoint (Wan 2.2 TI2V)";

INSTANTIATE_TEST_SUITE_P(
    Wishes, RefusedMedia,
    testing::Values(
        Refused{"AClipForAnImage",
                2,
                {"--image", "clip.mov"},
                "--image clip.mov: is a clip of 17 frames; --given clip.mov#0-0@0 takes one of them"},
        Refused{"AnImageForAClip",
                2,
                {"--extend", "a.png"},
                "--extend a.png: is an image; --image a.png makes a video of it"},
        Refused{"AMaskOfAnotherLength",
                2,
                {"--video", "clip.mov", "--mask", "short.mov"},
                "--mask short.mov: has 5 frames, and the video 17; expected an image, or a clip of the same length"},
        Refused{"BehindTheEnd",
                2,
                {"--given", "a.png@33"},
                "--given a.png@33: the video has 33 frames, from 0 to 32 or from -33 to -1"},
        Refused{"BeforeTheStart",
                2,
                {"--given", "a.png@-34"},
                "--given a.png@-34: the video has 33 frames, from 0 to 32 or from -33 to -1"},
        Refused{"OverTheEnd",
                2,
                {"--given", "clip.mov@20"},
                "--given clip.mov@20: 17 frames from frame 20 on go beyond the end of the video, which has 33"},
        Refused{"FramesThatAClipHasNot",
                2,
                {"--given", "clip.mov#10-17@0"},
                "--given clip.mov#10-17@0: there are 17 frames, from 0 to 16, at 8 fps"},
        Refused{"TwoGiveAFrame",
                2,
                {"--image", "a.png", "--given", "clip.mov#0-3@0"},
                "--image a.png and --given clip.mov#0-3@0: both give frame 0"},
        Refused{"TwoGiveALatentFrame",
                2,
                {"--given", "a.png@9", "--given", "clip.mov#0-1@10"},
                "--given a.png@9 and --given clip.mov#0-1@10: both need frames 9 to 12, which " + kShipped +
                    " takes as one"},
        Refused{"NothingToMake",
                2,
                {"--given", "clip.mov@0", "--num-frames", "17"},
                "--given clip.mov@0: gives the whole video, and nothing is left to generate"},
        Refused{"AReference",
                2,
                {"--reference-image", "a.png"},
                "--reference-image a.png: " + kShipped + " cannot take reference images; these can: Wan VACE"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace sora
