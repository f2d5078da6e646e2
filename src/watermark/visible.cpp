#include "watermark/visible.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "sora/error.h"

namespace sora {
namespace {

constexpr int kGlyphWidth = 5, kGlyphHeight = 9, kAdvance = 6, kMargin = 2;
constexpr double kSecondsInCorner = 4;

struct Glyph {
  char32_t letter;
  std::array<std::uint8_t, kGlyphHeight> rows;  // the leftmost dot highest
};

constexpr std::array<Glyph, 14> kGlyphs{{
    {U'A', {0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001, 0, 0}},
    {U'I', {0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110, 0, 0}},
    {U'-', {0, 0, 0, 0b01110, 0, 0, 0, 0, 0}},
    {U'·', {0, 0, 0, 0b00100, 0, 0, 0, 0, 0}},
    {U' ', {}},
    {U'a', {0, 0, 0b01110, 0b00001, 0b01111, 0b10001, 0b01111, 0, 0}},
    {U'd', {0b00001, 0b00001, 0b01111, 0b10001, 0b10001, 0b10001, 0b01111, 0, 0}},
    {U'e', {0, 0, 0b01110, 0b10001, 0b11111, 0b10000, 0b01110, 0, 0}},
    {U'g', {0, 0, 0b01111, 0b10001, 0b10001, 0b10001, 0b01111, 0b00001, 0b01110}},
    {U'n', {0, 0, 0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0, 0}},
    {U'o', {0, 0, 0b01110, 0b10001, 0b10001, 0b10001, 0b01110, 0, 0}},
    {U'r', {0, 0, 0b10110, 0b11001, 0b10000, 0b10000, 0b10000, 0, 0}},
    {U's', {0, 0, 0b01111, 0b10000, 0b01110, 0b00001, 0b11110, 0, 0}},
    {U't', {0b01000, 0b01000, 0b11110, 0b01000, 0b01000, 0b01001, 0b00110, 0, 0}},
}};

struct Label {
  std::u32string_view letters;
  std::string_view text;
  int dot;  // edge of a dot of the font in pixels
  int width() const { return (static_cast<int>(letters.size()) * kAdvance - 1 + 2 * kMargin) * dot; }
  int height() const { return (kGlyphHeight + 2 * kMargin) * dot; }
};

std::optional<Label> label_for(int width, int height) {
  const int dot = std::max(1, std::min(width, height) / 200);
  const std::array<Label, 4> labels{{{U"AI-generated · sora-gen", "AI-generated · sora-gen", dot},
                                     {U"AI-generated", "AI-generated", dot},
                                     {U"AI", "AI", dot + 1},
                                     {U"AI", "AI", dot}}};
  for (const Label& label : labels) {
    if (label.width() * 5 <= width * 2 && label.height() * 2 <= height) return label;
  }
  return std::nullopt;
}

bool inked(const Label& label, int x, int y) {
  const int column = x / label.dot - kMargin, row = y / label.dot - kMargin;
  if (column < 0 || row < 0 || row >= kGlyphHeight || column % kAdvance >= kGlyphWidth) return false;
  const auto index = static_cast<std::size_t>(column / kAdvance);
  if (index >= label.letters.size()) return false;
  const auto is_letter = [&](const Glyph& glyph) { return glyph.letter == label.letters[index]; };
  const Glyph& glyph = *std::find_if(kGlyphs.begin(), kGlyphs.end(), is_letter);
  return glyph.rows[row] >> (kGlyphWidth - 1 - column % kAdvance) & 1;
}

}  // namespace

std::string visible_label(int width, int height) {
  const auto label = label_for(width, height);
  return label ? std::string(label->text) : std::string();
}

void draw_visible_mark(std::span<std::uint8_t> rgb, int width, int height, std::int64_t frame_index, double fps) {
  require(rgb.size() == static_cast<std::size_t>(width) * height * 3, Fault::bug, "a frame of {} bytes for {}x{}",
          rgb.size(), width, height);
  const auto label = label_for(width, height);
  if (!label) return;
  // Mostly to the corner opposite, which a crop of one side leaves.
  struct Corner {
    bool right, lower;
  };
  constexpr std::array<Corner, 4> kCorners{{{true, true}, {false, false}, {true, false}, {false, true}}};
  const double turns = std::floor((static_cast<double>(frame_index) / fps + 1e-6) / kSecondsInCorner);
  const Corner corner = kCorners[static_cast<std::size_t>(std::fmod(turns, 4))];
  const int gap = 2 * label->dot;
  const int left = corner.right ? width - label->width() - gap : gap;
  const int top = corner.lower ? height - label->height() - gap : gap;
  for (int y = 0; y < label->height(); ++y) {
    std::uint8_t* pixel = rgb.data() + (static_cast<std::size_t>(top + y) * width + left) * 3;
    for (int x = 0; x < label->width(); ++x, pixel += 3) {
      const bool ink = inked(*label, x, y);
      // White letters on a shade: either can be told from any picture.
      for (int channel = 0; channel < 3; ++channel) {
        pixel[channel] = static_cast<std::uint8_t>(ink ? (pixel[channel] + 255 * 7) / 8 : pixel[channel] * 3 / 8);
      }
    }
  }
}

}  // namespace sora
