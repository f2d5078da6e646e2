// RGB pictures that are made up, and what is done to them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace sora::test {

struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  // [H, W, 3]

  Picture(int columns, int rows, std::vector<std::uint8_t> bytes)
      : width(columns), height(rows), rgb(std::move(bytes)) {}
  Picture(int columns, int rows, std::uint8_t grey)
      : Picture(columns, rows, std::vector<std::uint8_t>(static_cast<std::size_t>(columns) * rows * 3, grey)) {}

  std::uint8_t* at(int x, int y) { return &rgb[(static_cast<std::size_t>(y) * width + x) * 3]; }
  const std::uint8_t* at(int x, int y) const { return &rgb[(static_cast<std::size_t>(y) * width + x) * 3]; }
};

/// Clouds in three colours: random values on ever finer grids, with ever less weight.
inline Picture texture(int width, int height, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> sum(static_cast<std::size_t>(width) * height * 3, 128.F);
  for (int cell = 64; cell >= 4; cell /= 2) {
    const int across = width / cell + 2, down = height / cell + 2;
    std::vector<float> grid(static_cast<std::size_t>(across) * down * 3);
    for (float& value : grid) value = (static_cast<float>(random() >> 40) / (1 << 23) - 1) * static_cast<float>(cell);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const float right = static_cast<float>(x % cell) / cell, below = static_cast<float>(y % cell) / cell;
        for (int channel = 0; channel < 3; ++channel) {
          const auto of = [&](int row, int column) {
            return grid[(static_cast<std::size_t>(y / cell + row) * across + x / cell + column) * 3 + channel];
          };
          const float upper = of(0, 0) * (1 - right) + of(0, 1) * right;
          const float lower = of(1, 0) * (1 - right) + of(1, 1) * right;
          sum[(static_cast<std::size_t>(y) * width + x) * 3 + channel] += upper * (1 - below) + lower * below;
        }
      }
    }
  }
  Picture picture(width, height, std::uint8_t{0});
  for (std::size_t i = 0; i < sum.size(); ++i)
    picture.rgb[i] = static_cast<std::uint8_t>(std::clamp(sum[i], 0.F, 255.F));
  return picture;
}

inline Picture crop(const Picture& picture, int left, int top, int width, int height) {
  Picture part(width, height, std::uint8_t{0});
  for (int y = 0; y < height; ++y) std::copy_n(picture.at(left, top + y), width * 3, part.at(0, y));
  return part;
}

inline Picture mirror(const Picture& picture) {
  Picture other = picture;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) std::copy_n(picture.at(picture.width - 1 - x, y), 3, other.at(x, y));
  }
  return other;
}

/// Of luma, in decibels.
inline double luma_psnr(const Picture& one, const Picture& other) {
  double sum = 0;
  for (std::size_t i = 0; i < one.rgb.size(); i += 3) {
    const auto difference = [&](std::size_t channel) { return double(one.rgb[i + channel]) - other.rgb[i + channel]; };
    const double luma = 0.299 * difference(0) + 0.587 * difference(1) + 0.114 * difference(2);
    sum += luma * luma;
  }
  return 10 * std::log10(255.0 * 255.0 * (static_cast<double>(one.rgb.size()) / 3) / sum);
}

}  // namespace sora::test
