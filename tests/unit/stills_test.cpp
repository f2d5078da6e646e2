// The poster and the contact sheet beside a video.
#include "media/stills.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/output_name.h"
#include "support/errors.h"
#include "support/failing_ops.h"
#include "support/files.h"
#include "support/films.h"
#include "support/video_reader.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::Film;
using test::names_in;
using test::read_text;
using test::read_video;
using test::TempDir;
using test::write_film;
using testing::ElementsAre;

std::string text(const PixelSize& size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

// Frame i has the values 10 i, 10 i + 1, 10 i + 2 everywhere.
Film flat_film(PixelSize size, int count) {
  Film film(size, count);
  for (std::size_t i = 0; i < film.rgb.size(); ++i) {
    film.rgb[i] = static_cast<std::uint8_t>(10 * (i / film.frame_bytes()) + i % 3);
  }
  return film;
}

OutputOptions with_stills(const fs::path& path) { return {.path = path, .poster = true, .contact_sheet = true}; }

TEST(SheetLayout, HasEvenlySpacedFramesFromFirstToLast) {
  const auto frames = [](int count) { return sheet_layout({64, 64}, count).frames; };
  EXPECT_THAT(frames(1), ElementsAre(0));
  EXPECT_THAT(frames(2), ElementsAre(0, 1));
  EXPECT_THAT(frames(5), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(frames(16), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  EXPECT_THAT(frames(17), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16));
  EXPECT_THAT(frames(481), ElementsAre(0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480));
}

TEST(SheetLayout, KeepsTheAspectAndEnlargesNothing) {
  struct Row {
    PixelSize video;
    int frames;
    std::string cell, sheet;
  };
  for (const Row& row : {Row{{832, 480}, 81, "320x185", "1280x740"}, Row{{480, 832}, 81, "320x555", "1280x2220"},
                         Row{{128, 128}, 33, "128x128", "512x512"}, Row{{1280, 720}, 1, "1280x720", "1280x720"},
                         Row{{1280, 720}, 2, "640x360", "1280x360"}, Row{{1280, 720}, 3, "640x360", "1280x720"},
                         Row{{1280, 720}, 5, "427x240", "1281x480"}, Row{{8192, 16}, 16, "320x1", "1280x4"},
                         Row{{16, 8192}, 16, "16x8192", "64x32768"}}) {
    const SheetLayout layout = sheet_layout(row.video, row.frames);
    EXPECT_EQ(text(layout.cell), row.cell);
    EXPECT_EQ(text(layout.size()), row.sheet);
  }
}

TEST(Stills, ThePosterIsTheMiddleFrame) {
  for (const int count : {1, 2, 5, 20}) {
    const TempDir folder;
    const Film film = test::noise({34, 18}, count);
    write_film(film, {.path = folder / "a.b.mp4", .poster = true});
    EXPECT_THAT(names_in(folder.path()), ElementsAre("a.b.mp4", "a.b.poster.png"));
    EXPECT_THAT(read_video(folder / "a.b.poster.png").frames.at(0),
                testing::ElementsAreArray(film.frames(count / 2, 1).rgb));
  }
}

TEST(Stills, TheSheetHasTheFramesInRows) {
  const Film film = flat_film({64, 32}, 20);
  const SheetLayout layout = sheet_layout(film.size, film.count);
  std::string first;
  for (const int at_once : {1, 7, 20}) {
    const TempDir folder;
    write_film(film, {.path = folder / "a.mp4", .contact_sheet = true}, {24, 1}, {}, at_once);
    EXPECT_THAT(names_in(folder.path()), ElementsAre("a.mp4", "a.sheet.png"));
    const test::Video sheet = read_video(folder / "a.sheet.png");
    ASSERT_EQ(text({sheet.codec.width, sheet.codec.height}), "256x128");
    for (int y = 0; y < 128; ++y) {
      for (int x = 0; x < 256; ++x) {
        const int frame = layout.frames[y / 32 * 4 + x / 64];
        ASSERT_EQ(sheet.frames[0][3 * (y * 256 + x) + 1], 10 * frame + 1) << x << ", " << y;
      }
    }
  }
}

TEST(Stills, FramesAreShrunk) {
  const TempDir folder;
  write_film(flat_film({1280, 64}, 5), {.path = folder / "a.mp4", .contact_sheet = true});
  const test::Video sheet = read_video(folder / "a.sheet.png");
  EXPECT_EQ(text({sheet.codec.width, sheet.codec.height}), "1281x42");
  const std::vector<std::uint8_t>& rgb = sheet.frames[0];
  EXPECT_EQ(rgb[0], 0);
  EXPECT_EQ(rgb[3 * 1280], 20);                // the third frame ends the first row
  EXPECT_EQ(rgb[3 * (1281 * 41)], 30);         // the last row begins with the fourth
  EXPECT_EQ(rgb[3 * (1281 * 42 - 1) + 2], 0);  // of six cells the last is empty
}

TEST(Stills, DoNotChangeTheVideo) {
  const TempDir folder;
  const Film film = test::moving_film({64, 32}, 13);
  write_film(film, {.path = folder / "a.mp4"});
  write_film(film, with_stills(folder / "b.mp4"));
  EXPECT_TRUE(read_text(folder / "a.mp4") == read_text(folder / "b.mp4"));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("a.mp4", "b.mp4", "b.poster.png", "b.sheet.png"));
}

TEST(Stills, AppearBeforeTheVideo) {
  const TempDir folder;
  std::vector<std::string> named;
  FileOps ops;
  ops.rename = [&](int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
    named.emplace_back(to);
    return renameat2(from_folder, from, to_folder, to, flags);
  };
  write_film(test::noise({32, 32}, 3), with_stills(folder / "a.mp4"), {24, 1}, ops);
  EXPECT_THAT(named, ElementsAre("a.poster.png", "a.sheet.png", "a.mp4"));
}

TEST(Stills, ThatExistAreRefusedBeforeTheFirstFrame) {
  for (const std::string name : {"a.poster.png", "a.sheet.png"}) {
    const TempDir folder;
    test::write_file(folder / name, "old");
    const Film film = test::noise({32, 32}, 3);
    OutputOptions options = with_stills(folder / "a.mp4");
    EXPECT_EQ(error_of(Fault::output,
                       [&] {
                         open_sink(options, film.size, {24, 1}, film.count);
                       }),
              (folder / name).string() + " exists already; use --overwrite to replace it");
    EXPECT_THAT(names_in(folder.path()), ElementsAre(name));
    options.overwrite = true;
    write_film(film, options);
    EXPECT_NE(read_text(folder / name), "old");
  }
}

TEST(Stills, ThatAnInterruptedRunHasLeftMayStayIfTheyAreTheSame) {
  const TempDir folder;
  const Film film = test::noise({32, 32}, 3);
  const OutputOptions options = with_stills(folder / "a.mp4");
  const auto resume = [&] {
    const OpenedSink output = open_sink(options, film.size, {24, 1}, film.count, {}, /*resumes=*/true);
    output.sink->write(film.all());
    output.sink->finish();
  };
  write_film(film, options);
  fs::remove(folder / "a.mp4");
  resume();
  EXPECT_THAT(names_in(folder.path()), ElementsAre("a.mp4", "a.poster.png", "a.sheet.png"));
  fs::remove(folder / "a.mp4");
  test::write_file(folder / "a.sheet.png", "someone else's");
  EXPECT_EQ(error_of(Fault::output, resume),
            (folder / "a.sheet.png").string() + " exists already; use --overwrite to replace it");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("a.poster.png", "a.sheet.png"));
}

TEST(Stills, WhateverFailsThereIsNoVideo) {
  const Film film = test::noise({32, 32}, 3);
  for (int n = 1;; ++n) {
    const TempDir folder;
    test::FailingOps disk(n, ENOSPC);
    const std::string error = error_of(Fault::output, [&] {
      write_film(film, with_stills(folder / "a.mp4"), {24, 1}, disk.ops());
    });
    if (!disk.has_failed()) {
      EXPECT_EQ(names_in(folder.path()).size(), 3u);
      EXPECT_GT(n, 15);
      break;
    }
    EXPECT_THAT(error, testing::EndsWith(": the disk is full (No space left on device)"));
    EXPECT_FALSE(fs::exists(folder / "a.mp4")) << disk.failed() << ", call " << n;
    for (const std::string& name : names_in(folder.path())) EXPECT_THAT(name, testing::EndsWith(".png"));
  }
}

TEST(Stills, NeedAVideoFile) {
  const auto refusal = [](const OutputOptions& options) {
    return error_of(Fault::usage, [&] { check_output(options, {32, 32}, 1); });
  };
  EXPECT_EQ(refusal({.path = "md5:", .poster = true}),
            "--poster: is a picture beside a video file such as x.mp4, and --output md5: is none");
  EXPECT_EQ(refusal({.path = "f/%05d.png", .contact_sheet = true}),
            "--contact-sheet: is a picture beside a video file such as x.mp4, and --output f/%05d.png is none");
  EXPECT_EQ(refusal({.path = "x.png", .poster = true}),
            "--poster: is a picture beside a video file such as x.mp4, and --output x.png is none");
}

}  // namespace
}  // namespace sora
