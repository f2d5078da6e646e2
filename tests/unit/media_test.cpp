// media/: what is written is read back with libav and compared; and nothing half-done is ever left under a final name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include <array>
#include <cmath>
#include <random>

#include "media/sinks.h"
#include "support/errors.h"
#include "support/failing_ops.h"
#include "support/files.h"
#include "support/films.h"
#include "support/video_reader.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::FailingOps;
using test::Film;
using test::moving_film;
using test::names_in;
using test::noise;
using test::read_text;
using test::read_video;
using test::TempDir;
using test::Video;
using test::write_film;

constexpr const char* kNothing = "nothing was thrown";

double seconds_of(const Video& video) { return video.stream.duration * av_q2d(video.stream.time_base); }

TEST(Mp4, HasEveryFrameAtItsTime) {
  const TempDir folder;
  // x264 holds back some 50 frames: 1 and 5 come only at the end, 81 in part.
  for (const int count : {1, 2, 5, 81}) {
    for (const Rational fps : {Rational{24, 1}, Rational{16, 1}, Rational{24000, 1001}, Rational{1, 2}}) {
      const fs::path path = folder / "a.mp4";
      const Film film = moving_film({64, 32}, count);
      write_film(film, {.path = path, .overwrite = true}, fps);
      const Video video = read_video(path);
      ASSERT_EQ(video.frames.size(), count);
      EXPECT_EQ(video.stream.nb_frames, count);
      EXPECT_EQ(av_cmp_q(video.stream.avg_frame_rate, {fps.numerator, fps.denominator}), 0);
      const double tick = av_q2d(video.stream.time_base);
      for (int i = 0; i < count; ++i) EXPECT_NEAR(video.timestamps[i] * tick, i / fps.value(), 1e-9);
      EXPECT_NEAR(seconds_of(video), count / fps.value(), 1e-9);
      EXPECT_NEAR(video.duration, count / fps.value(), 1e-6) << "libav gives it in microseconds";
    }
  }
}

TEST(Mp4, SaysWhatItIs) {
  const TempDir folder;
  write_film(moving_film({64, 32}, 3), {.path = folder / "a.mp4"});
  const Video video = read_video(folder / "a.mp4");
  EXPECT_EQ(video.codec.codec_id, AV_CODEC_ID_H264);
  EXPECT_EQ(video.codec.codec_tag, MKTAG('a', 'v', 'c', '1'));
  EXPECT_EQ(video.codec.profile, FF_PROFILE_H264_HIGH);
  EXPECT_EQ(video.codec.format, AV_PIX_FMT_YUV420P);
  EXPECT_EQ(video.codec.width, 64);
  EXPECT_EQ(video.codec.height, 32);
  EXPECT_EQ(video.codec.color_primaries, AVCOL_PRI_BT709);
  EXPECT_EQ(video.codec.color_trc, AVCOL_TRC_BT709);
  EXPECT_EQ(video.codec.color_space, AVCOL_SPC_BT709);
  EXPECT_EQ(video.codec.color_range, AVCOL_RANGE_MPEG);
  EXPECT_EQ(video.codec.chroma_location, AVCHROMA_LOC_LEFT);
  EXPECT_EQ(video.encoder, "sora-gen");
  EXPECT_EQ(video.creation_time, "");
  const std::string file = read_text(folder / "a.mp4");
  EXPECT_LT(file.find("moov"), file.find("mdat"));
  EXPECT_THAT(file, testing::HasSubstr("colrnclx"));  // players that do not look into H.264 read the colours here
  EXPECT_THAT(names_in(folder.path()), testing::ElementsAre("a.mp4"));
}

TEST(Mp4, ColoursSurvive) {
  constexpr int kPatch = 16, kMargin = 5, kColumns = 6, kRows = 4;
  Film film({kPatch * kColumns, kPatch * kRows}, 3);
  std::mt19937 random(3);
  std::array<std::array<std::uint8_t, 3>, kColumns * kRows> patches{
      {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 0}, {255, 0, 255}, {0, 255, 255}, {0, 0, 0}, {255, 255, 255}}};
  for (std::size_t i = 8; i < patches.size(); ++i) {
    for (std::uint8_t& value : patches[i]) value = static_cast<std::uint8_t>(random());
  }
  const auto patch_at = [&](std::size_t pixel) -> const auto& {
    const std::size_t x = pixel % film.size.width, y = pixel / film.size.width % film.size.height;
    return patches[y / kPatch * kColumns + x / kPatch];
  };
  for (std::size_t i = 0; i < film.rgb.size(); ++i) film.rgb[i] = patch_at(i / 3)[i % 3];
  const TempDir folder;
  write_film(film, {.path = folder / "a.mp4", .crf = 0});  // what the conversion alone does to colours
  double sum = 0;
  int largest = 0, compared = 0;
  for (const std::vector<std::uint8_t>& frame : read_video(folder / "a.mp4").frames) {
    for (std::size_t pixel = 0; pixel < frame.size() / 3; ++pixel) {
      // The inside of a patch: half resolution blurs the colours of neighbours into each other.
      const auto inside = [](std::size_t at) { return at % kPatch >= kMargin && at % kPatch < kPatch - kMargin; };
      if (!inside(pixel % film.size.width) || !inside(pixel / film.size.width)) continue;
      for (int c = 0; c < 3; ++c) {
        const int error = std::abs(frame[3 * pixel + c] - patch_at(pixel)[c]);
        sum += error;
        largest = std::max(largest, error);
        ++compared;
      }
    }
  }
  ASSERT_EQ(compared, 3 * 24 * 36 * 3);
  EXPECT_LE(sum / compared, 2);
  EXPECT_LE(largest, 4);
}

// H.264's chroma samples lie on every second column. An edge between columns 2k and 2k + 1 is then at 1/4 of sample k
// (weights 1 2 1), with samples in the middle of a pair it would be at 1/2.
TEST(Mp4, ChromaLiesOnTheLeft) {
  Film film({64, 64}, 1);
  for (std::size_t i = 0; i < film.rgb.size(); ++i) {
    const bool blue = i / 3 % 64 > 32;
    film.rgb[i] = i % 3 == (blue ? 2 : 0) ? 255 : 0;
  }
  const TempDir folder;
  write_film(film, {.path = folder / "a.mp4", .crf = 0});
  const std::vector<std::uint8_t> frame = read_video(folder / "a.mp4").frames.at(0);
  const std::size_t row = 3 * 64 * 20;
  const std::uint8_t* last_red = &frame[row + 3 * 32];
  EXPECT_GT(last_red[0] - last_red[2], 100) << "the colour of column 32 is mostly its own";
}

TEST(Mp4, CrfAndPresetAreHeeded) {
  const TempDir folder;
  const Film film = moving_film({192, 128}, 24);
  const auto size_with = [&](int crf, const std::string& preset) {
    write_film(film, {.path = folder / "a.mp4", .crf = crf, .preset = preset, .overwrite = true});
    return fs::file_size(folder / "a.mp4");
  };
  EXPECT_LT(size_with(35, "medium") * 2, size_with(18, "medium"));
  EXPECT_NE(size_with(18, "ultrafast"), size_with(18, "medium"));
  EXPECT_NE(size_with(18, "medium"), size_with(18, "veryslow"));
}

TEST(Mp4, AGrainyFilmIsLosslessInYuvAtCrf0) {
  const TempDir folder;
  const Film film = noise({32, 32}, 4);
  for (const int crf : {0, 30}) write_film(film, {.path = folder / (std::to_string(crf) + ".mp4"), .crf = crf});
  write_film(film, {.path = folder / "again.mp4", .crf = 0, .preset = "ultrafast"});
  EXPECT_EQ(read_video(folder / "0.mp4").frames, read_video(folder / "again.mp4").frames);
  EXPECT_NE(read_video(folder / "0.mp4").frames, read_video(folder / "30.mp4").frames);
}

TEST(Mp4, HasKeyframesEveryFiveSeconds) {
  const TempDir folder;
  Film film({32, 32}, 25);  // grey: no cut that would earn a keyframe of its own
  std::fill(film.rgb.begin(), film.rgb.end(), 128);
  write_film(film, {.path = folder / "a.mp4"}, {2, 1});
  const Video video = read_video(folder / "a.mp4");
  for (std::size_t i = 0; i < video.types.size(); ++i) EXPECT_EQ(video.types[i] == AV_PICTURE_TYPE_I, i % 10 == 0) << i;
}

TEST(Mp4, TheSameBytesHoweverManyCores) {
  const TempDir folder;
  const Film film = moving_film({192, 128}, 40);
  write_film(film, {.path = folder / "all.mp4", .preset = "slow"});
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  write_film(film, {.path = folder / "one.mp4", .preset = "slow"});
  sched_setaffinity(0, sizeof before, &before);
  EXPECT_TRUE(read_text(folder / "all.mp4") == read_text(folder / "one.mp4"));
}

TEST(Mp4, TheSameBytesHoweverFramesCome) {
  const TempDir folder;
  const Film film = moving_film({64, 32}, 13);
  for (const int at_once : {1, 5, 13}) {
    write_film(film, {.path = folder / (std::to_string(at_once) + ".mp4")}, {24, 1}, {}, at_once);
  }
  EXPECT_TRUE(read_text(folder / "1.mp4") == read_text(folder / "5.mp4"));
  EXPECT_TRUE(read_text(folder / "1.mp4") == read_text(folder / "13.mp4"));
}

TEST(Mp4, OddSizesAreRefusedBeforeAnythingIsWritten) {
  const TempDir folder;
  EXPECT_EQ(error_of(Fault::usage,
                     [&] {
                       open_sink({.path = folder / "a.mp4"}, {33, 32}, {24, 1}, 1);
                     }),
            "--size 33x32: an MP4 needs an even width and height, because its colours have half the resolution");
  EXPECT_THAT(names_in(folder.path()), testing::IsEmpty());
}

TEST(Mp4, AnEncoderThatWillNotOpenLeavesNothing) {
  const TempDir folder;
  EXPECT_EQ(error_of(Fault::output,
                     [&] {
                       open_sink({.path = folder / "a.mp4"}, {1 << 28, 2}, {24, 1}, 1);
                     }),
            "libav cannot open libx264 for 268435456x2 at 24/1 frames per second: Invalid argument");
  EXPECT_THAT(names_in(folder.path()), testing::IsEmpty());
}

TEST(Mp4, AnUnfinishedSinkLeavesNothing) {
  const TempDir folder;
  const Film film = moving_film({64, 32}, 81);
  for (const int written : {0, 1, 60, 81}) {
    const OpenedSink output = open_sink({.path = folder / "a.mp4"}, film.size, {24, 1}, film.count);
    output.sink->write(film.frames(0, written));
    EXPECT_THAT(names_in(folder.path()), testing::ElementsAre(".a.mp4.part"));
  }
  EXPECT_THAT(names_in(folder.path()), testing::IsEmpty());
}

TEST(Mp4, AnExistingFileIsReplacedOnlyWhenToldAndAtTheEnd) {
  const TempDir folder;
  const fs::path path = folder / "a.mp4";
  const Film film = moving_film({64, 32}, 60);
  test::write_file(path, "old");
  EXPECT_EQ(error_of(Fault::output, [&] { write_film(film, {.path = path}); }),
            path.string() + " exists already; use --overwrite to replace it");
  {
    const OpenedSink output = open_sink({.path = path, .overwrite = true}, film.size, {24, 1}, film.count);
    output.sink->write(film.all());
    EXPECT_EQ(read_text(path), "old");
  }
  EXPECT_EQ(read_text(path), "old") << "never finished";
  write_film(film, {.path = path, .overwrite = true});
  EXPECT_EQ(read_video(path).frames.size(), 60);
}

TEST(Mp4, EveryFailingCallIsAnErrorAndLeavesNothing) {
  const Film film = noise({192, 128}, 12);  // noise: some 600 kB, ten writes and more
  std::map<std::string, int> failed;
  for (int n = 1;; ++n) {
    const TempDir folder;
    FailingOps disk(n, ENOSPC);
    const std::string error = error_of(Fault::output, [&] {
      write_film(film, {.path = folder / "a.mp4"}, {24, 1}, disk.ops());
    });
    if (!disk.has_failed()) {
      EXPECT_EQ(error, kNothing);
      EXPECT_EQ(read_video(folder / "a.mp4").frames.size(), 12);
      break;
    }
    ++failed[disk.failed()];
    EXPECT_THAT(error, testing::StartsWith((folder / "a.mp4").string() + ": "));
    EXPECT_THAT(error, testing::EndsWith(": the disk is full (No space left on device)"));
    EXPECT_THAT(names_in(folder.path()), testing::IsEmpty()) << disk.failed() << ", call " << n;
  }
  EXPECT_GE(failed["write"], 10);
  EXPECT_EQ(failed["fsync"], 2);
  EXPECT_EQ(failed["close"], 1);
  EXPECT_EQ(failed["rename"], 1);
}

TEST(Mp4, AFailingCallLeavesTheOldFile) {
  const Film film = noise({192, 128}, 12);
  for (const int n : {1, 2, 5, 9}) {
    const TempDir folder;
    test::write_file(folder / "a.mp4", "old");
    FailingOps disk(n, EIO);
    EXPECT_EQ(error_of(Fault::output,
                       [&] {
                         write_film(film, {.path = folder / "a.mp4", .overwrite = true}, {24, 1}, disk.ops());
                       }),
              (folder / "a.mp4").string() + ": cannot be written: Input/output error");
    EXPECT_THAT(names_in(folder.path()), testing::ElementsAre("a.mp4"));
    EXPECT_EQ(read_text(folder / "a.mp4"), "old");
  }
}

TEST(Mp4, ARealLimitOnTheFileSize) {
  const TempDir folder;
  signal(SIGXFSZ, SIG_IGN);  // as base/interrupt.h does
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  for (const rlim_t limit : {0, 1000, 100'000, 180'000}) {
    const rlimit small{limit, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    const std::string error = error_of(Fault::output, [&] {
      write_film(noise({192, 128}, 12), {.path = folder / "a.mp4"});
    });
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(error, (folder / "a.mp4").string() +
                         ": cannot be written: it passes the limit on a file's size (File too large)");
    EXPECT_THAT(names_in(folder.path()), testing::IsEmpty());
  }
  signal(SIGXFSZ, SIG_DFL);
}

TEST(Png, SequenceIsExactAndCountsFromOne) {
  const TempDir folder;
  const Film film = noise({33, 17}, 11);
  write_film(film, {.path = folder / "out/f%03d.png"});
  std::vector<std::string> names = names_in(folder / "out");
  ASSERT_EQ(names.size(), 11);
  EXPECT_EQ(names.front(), "f001.png");
  EXPECT_EQ(names.back(), "f011.png");
  for (int i = 0; i < film.count; ++i) {
    const Video picture = read_video(folder / "out" / names[i]);
    const auto expected = film.frames(i, 1).rgb;
    EXPECT_EQ(picture.codec.format, AV_PIX_FMT_RGB24);
    EXPECT_THAT(picture.frames, testing::ElementsAre(testing::ElementsAreArray(expected)));
  }
  EXPECT_THAT(read_text(folder / "out/f001.png"), testing::HasSubstr("sRGB"));
}

TEST(Outputs, DoNotLeaveTheirRoot) {
  const TempDir folder;
  const fs::path root = folder / "out";
  write_film(noise({32, 16}, 2), {.path = root / "a cat/%d.png", .root = root});
  write_film(noise({32, 16}, 2), {.path = root / "a dog/x.mp4", .root = root});
  EXPECT_THAT(names_in(root / "a cat"), testing::ElementsAre("1.png", "2.png"));
  EXPECT_THAT(names_in(root / "a dog"), testing::ElementsAre("x.mp4"));
  fs::create_directory(folder / "elsewhere");
  fs::create_directory_symlink("../elsewhere", root / "link");
  for (const std::string name : {"%d.png", "x.mp4"}) {
    EXPECT_EQ(error_of(Fault::output,
                       [&] {
                         write_film(noise({32, 16}, 2), {.path = root / "link" / name, .root = root});
                       }),
              (root / "link" / (name == "%d.png" ? "1.png" : name)).string() + ": " + (root / "link").string() +
                  " is a symbolic link, which may lead out of " + root.string() + "; nothing is written behind it");
  }
  EXPECT_THAT(names_in(folder / "elsewhere"), testing::IsEmpty());
}

TEST(Png, OneFrame) {
  const TempDir folder;
  const Film film = noise({16, 16}, 1);
  write_film(film, {.path = folder / "a.png"});
  EXPECT_EQ(read_video(folder / "a.png").frames.at(0), film.rgb);
  EXPECT_EQ(
      error_of(Fault::usage,
               [&] {
                 open_sink({.path = "a.png"}, film.size, {24, 1}, 2);
               }),
      "--output a.png: is the name of one frame, but there are 2; use a numbered name such as a-%05d.png, or a.mp4");
}

TEST(Png, ExistingFilesAreRefusedBeforeTheFirstFrame) {
  const TempDir folder;
  const Film film = noise({16, 16}, 3);
  test::write_file(folder / "3.png", "old");
  EXPECT_EQ(error_of(Fault::output,
                     [&] {
                       open_sink({.path = folder / "%d.png"}, film.size, {24, 1}, 3);
                     }),
            (folder / "3.png").string() + " exists already; use --overwrite to replace it");
  EXPECT_THAT(names_in(folder.path()), testing::ElementsAre("3.png"));
  write_film(film, {.path = folder / "%d.png", .overwrite = true});
  EXPECT_NE(read_text(folder / "3.png"), "old");
}

TEST(Png, EveryFailingCallLeavesWholeFilesOnly) {
  const Film film = noise({16, 16}, 3);
  constexpr int kCallsPerFile = 5;
  for (int n = 1;; ++n) {
    const TempDir folder;
    FailingOps disk(n, EDQUOT);
    const std::string error = error_of(Fault::output, [&] {
      write_film(film, {.path = folder / "%d.png"}, {24, 1}, disk.ops());
    });
    if (!disk.has_failed()) {
      EXPECT_EQ(n, 3 * kCallsPerFile + 1);
      break;
    }
    EXPECT_THAT(error, testing::EndsWith(": the disk quota is used up (Disk quota exceeded)"));
    const int whole = (n - 1) / kCallsPerFile;
    ASSERT_EQ(names_in(folder.path()).size(), whole);
    for (int i = 1; i <= whole; ++i) {
      EXPECT_EQ(read_video(folder / (std::to_string(i) + ".png")).frames.size(), 1);
    }
  }
}

TEST(Md5, IsThatOfAllBytes) {
  // What Python's hashlib says of bytes(range(96)) * 2.
  Film film({4, 4}, 4);
  for (std::size_t i = 0; i < film.rgb.size(); ++i) film.rgb[i] = static_cast<std::uint8_t>(i % 96);
  for (const int at_once : {1, 3, 4}) {
    EXPECT_EQ(write_film(film, {.path = "md5:"}, {24, 1}, {}, at_once), "c6b13335244fda9fdc6c885ca17719ee");
  }
}

TEST(Sinks, HoldTheirCallersToWhatWasPromised) {
  const TempDir folder;
  const Film film = noise({16, 16}, 3);
  for (const fs::path& path : {folder / "a.mp4", folder / "%d.png", fs::path("md5:"), fs::path("null:")}) {
    const auto open = [&] { return open_sink({.path = path, .overwrite = true}, film.size, {24, 1}, film.count).sink; };
    EXPECT_EQ(error_of(Fault::bug,
                       [&] {
                         open()->write(noise({16, 14}, 1).all());
                       }),
              "a sink for frames of 16x16 was given frames of 16x14");
    EXPECT_EQ(error_of(Fault::bug,
                       [&] {
                         open()->write({3, 16, 16, film.frames(0, 2).rgb});
                       }),
              "3 frames of 16x16 came in 1536 bytes");
    EXPECT_EQ(error_of(Fault::bug,
                       [&] {
                         open()->write(noise({16, 16}, 4).all());
                       }),
              "a sink for 3 frames was given 4");
    EXPECT_EQ(error_of(Fault::bug,
                       [&] {
                         const auto sink = open();
                         sink->write(film.frames(0, 2));
                         sink->finish();
                       }),
              "a sink for 3 frames was finished after 2");
    EXPECT_NO_THROW(write_film(film, {.path = path, .overwrite = true}));
  }
}

TEST(Sinks, UnknownNames) {
  EXPECT_THAT(error_of(Fault::usage,
                       [] {
                         open_sink({.path = "a.avi"}, {16, 16}, {24, 1}, 1);
                       }),
              testing::StartsWith("--output 'a.avi': the name does not say what to write; use name.mp4, "));
}

TEST(Encoder, IsFoundByTheDoctor) {
  EXPECT_THAT(probe_h264_encoder(), testing::MatchesRegex("libx264, libavcodec [0-9]+\\.[0-9]+\\.[0-9]+"));
}

}  // namespace
}  // namespace sora
