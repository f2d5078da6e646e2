// watermark/visible: which label fits, that it is legible, and where it is.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "support/pictures.h"
#include "watermark/visible.h"

namespace sora {
namespace {

using test::Picture;

Picture labelled(int width, int height, std::uint8_t grey, std::int64_t frame = 0) {
  Picture picture(width, height, grey);
  draw_visible_mark(picture.rgb, width, height, frame, 24);
  return picture;
}

TEST(VisibleMark, SaysAsMuchAsFits) {
  EXPECT_EQ(visible_label(832, 480), "AI-generated · sora-gen");
  EXPECT_EQ(visible_label(1920, 1080), "AI-generated · sora-gen");
  EXPECT_EQ(visible_label(256, 256), "AI-generated");
  EXPECT_EQ(visible_label(128, 128), "AI");
  EXPECT_EQ(visible_label(48, 48), "AI");
  EXPECT_EQ(visible_label(16, 16), "");
}

// The label on black as it is drawn, a letter for a dot.
std::string drawn(const Picture& picture, int left, int top, int width, int height, int dot) {
  std::string text;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) text += *picture.at(left + x * dot, top + y * dot) > 128 ? '#' : '.';
    text += '\n';
  }
  return text;
}

TEST(VisibleMark, IsLegible) {
  EXPECT_EQ(drawn(labelled(128, 128, 0), 128 - 4 - 30 + 4, 128 - 4 - 26 + 4, 11, 7, 2),
            ".###...###.\n"
            "#...#...#..\n"
            "#...#...#..\n"
            "#####...#..\n"
            "#...#...#..\n"
            "#...#...#..\n"
            "#...#..###.\n");
}

TEST(VisibleMark, IsLegibleOnAnyPicture) {
  for (const int grey : {0, 128, 255}) {
    const Picture picture = labelled(128, 128, static_cast<std::uint8_t>(grey));
    const int ink = *picture.at(128 - 4 - 26 + 2, 128 - 4 - 26 + 4), shade = *picture.at(128 - 4 - 29, 128 - 4 - 25);
    EXPECT_GT(ink - shade, 120) << grey;
  }
}

TEST(VisibleMark, GoesFromCornerToCorner) {
  std::set<std::vector<std::uint8_t>> places;
  for (const std::int64_t frame : {0, 96, 192, 288}) {
    const Picture picture = labelled(128, 128, 100, frame);
    EXPECT_EQ(picture.rgb, labelled(128, 128, 100, frame + 95).rgb);
    EXPECT_EQ(picture.rgb, labelled(128, 128, 100, frame + 384).rgb);
    places.insert(picture.rgb);
  }
  EXPECT_EQ(places.size(), 4U);
}

TEST(VisibleMark, LeavesTheRestAndTinyPicturesAlone) {
  const Picture picture = labelled(256, 128, 100);
  int changed = 0;
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3) changed += picture.rgb[i] != 100;
  EXPECT_LT(changed, 256 * 128 / 10);
  EXPECT_EQ(labelled(16, 16, 100).rgb, Picture(16, 16, std::uint8_t{100}).rgb);
}

}  // namespace
}  // namespace sora
