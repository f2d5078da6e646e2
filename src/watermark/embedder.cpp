// The strength is the same all over the picture. Hiding more of it in texture and less in flat areas, as perceptual
// masks do, loses it at low bit rates: encoders spend their bits on flat areas and drop what is faint in texture.
#include "watermark/embedder.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sora/error.h"
#include "watermark/pattern.h"

namespace sora {
namespace {

constexpr double kPsnr = 42.2;
constexpr int kArea = kTile * kTile;

using Tile = std::vector<double>;  // [kTile, kTile]

// The sum of the waves of all bins for which `flips` is so.
Tile waves(const std::vector<PatternBin>& pattern, const std::array<std::uint8_t, kCodeBits>& code, bool flips) {
  std::array<double, kTile> cosine{}, sine{};
  for (int i = 0; i < kTile; ++i) {
    cosine[i] = std::cos(2 * std::numbers::pi * i / kTile);
    sine[i] = std::sin(2 * std::numbers::pi * i / kTile);
  }
  Tile tile(kArea);
  for (const PatternBin& bin : pattern) {
    if (bin.flips != flips) continue;
    std::array<double, 2> part{};
    for (int i = 0; i < 2; ++i) part[i] = bin.pilot || code[bin.code[i]] == 0 ? bin.sign[i] : -bin.sign[i];
    for (int y = 0; y < kTile; ++y) {
      for (int x = 0; x < kTile; ++x) {
        const int angle = (bin.y * y + bin.x * x) & (kTile - 1);
        tile[y * kTile + x] += part[0] * cosine[angle] - part[1] * sine[angle];
      }
    }
  }
  return tile;
}

// Of all pixels of a picture onto which the tile is laid.
double mean_square(const Tile& tile, double strength, int width, int height) {
  double sum = 0;
  for (int y = 0; y < std::min(kTile, height); ++y) {
    const int rows = (height - 1 - y) / kTile + 1;
    for (int x = 0; x < std::min(kTile, width); ++x) {
      const double value = std::rint(strength * tile[y * kTile + x]);
      sum += value * value * rows * ((width - 1 - x) / kTile + 1);
    }
  }
  return sum / (static_cast<double>(width) * height);
}

// The most at which the rounded pattern stays within the PSNR. Where it runs into black or white it changes less.
double strongest(const Tile& tile, int width, int height) {
  const double allowed = 255.0 * 255.0 / std::pow(10, kPsnr / 10);
  double low = 0, high = 1;  // a tile's values are of the order of the square root of the number of bins
  for (int i = 0; i < 30; ++i) {
    const double middle = (low + high) / 2;
    (mean_square(tile, middle, width, height) <= allowed ? low : high) = middle;
  }
  return low;
}

}  // namespace

Embedder::Embedder(const WatermarkKey& key, std::uint64_t id, int width, int height, double fps)
    : width_(width), height_(height), fps_(fps) {
  require(width >= 16 && height >= 16, Fault::usage, "a watermark needs a picture of at least 16x16, not {}x{}", width,
          height);
  require(fps > 0 && std::isfinite(fps), Fault::bug, "a watermark of {} frames per second", fps);
  const std::vector<PatternBin> pattern = keyed_pattern(key);
  const auto code = encode_id(id);
  const Tile lasting = waves(pattern, code, false), flipping = waves(pattern, code, true);
  for (std::size_t phase = 0; phase < 2; ++phase) {
    Tile tile(kArea);
    for (int i = 0; i < kArea; ++i) tile[i] = lasting[i] + (phase == 0 ? flipping[i] : -flipping[i]);
    const double strength = strongest(tile, width, height);
    change_[phase].resize(static_cast<std::size_t>(kTile) * width * 3);
    for (int y = 0, i = 0; y < kTile; ++y) {
      for (int x = 0; x < width; ++x) {
        const double value = std::rint(strength * tile[y * kTile + x % kTile]);
        for (int channel = 0; channel < 3; ++channel) change_[phase][i++] = static_cast<std::int8_t>(value);
      }
    }
  }
}

void Embedder::embed(std::span<std::uint8_t> rgb, std::int64_t frame_index) const {
  const std::size_t row = static_cast<std::size_t>(width_) * 3;
  require(rgb.size() == row * height_, Fault::bug, "a frame of {} bytes for a watermark of {}x{}", rgb.size(), width_,
          height_);
  // A hair more than the frame's time: 12 frames of 24 per second are half a second, whatever the rounding.
  const auto half_seconds =
      static_cast<std::int64_t>(std::floor((static_cast<double>(frame_index) / fps_ + 1e-6) / kFlipSeconds));
  const std::vector<std::int8_t>& change = change_[static_cast<std::size_t>(half_seconds & 1)];
  for (int y = 0; y < height_; ++y) {
    std::uint8_t* const pixels = rgb.data() + y * row;
    const std::int8_t* const add = change.data() + (y % kTile) * row;
    for (std::size_t i = 0; i < row; ++i) pixels[i] = static_cast<std::uint8_t>(std::clamp(pixels[i] + add[i], 0, 255));
  }
}

}  // namespace sora
