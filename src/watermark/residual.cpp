#include "watermark/residual.h"

#include <algorithm>
#include <cmath>

namespace sora {
namespace {

// Two means over 7 × 7 are nearly a Gaussian of 2.8 samples; waves of the pattern are 4 to 32 long.
constexpr int kBlurRadius = 3, kContrastRadius = 4;
constexpr float kLeastContrast = 2, kMostResidual = 2;
constexpr int kWholeUpTo = 640, kMostPixels = 2048;

}  // namespace

WorkArea WorkArea::of(int width, int height) {
  WorkArea area;
  area.pixels = std::max(width, height) > kWholeUpTo ? 2 : 1;
  const int across = std::min(width, kMostPixels), down = std::min(height, kMostPixels);
  area.left = (width - across) / 2;
  area.top = (height - down) / 2;
  area.width = across / area.pixels;
  area.height = down / area.pixels;
  return area;
}

ResidualFilter::ResidualFilter(int width, int height) : width_(width), area_(WorkArea::of(width, height)) {
  const std::size_t samples = static_cast<std::size_t>(area_.width) * area_.height;
  for (auto* const plane : {&luma_, &blurred_, &energy_, &rows_}) plane->resize(samples);
  columns_.resize(static_cast<std::size_t>(area_.width));
}

void ResidualFilter::read_luma(std::span<const std::uint8_t> rgb) {
  std::fill(luma_.begin(), luma_.end(), 0.F);
  const float share = 1.F / static_cast<float>(256 * area_.pixels * area_.pixels);
  for (int y = 0; y < area_.height * area_.pixels; ++y) {
    const std::uint8_t* pixel = rgb.data() + (static_cast<std::size_t>(area_.top + y) * width_ + area_.left) * 3;
    float* const out = &luma_[static_cast<std::size_t>(y / area_.pixels) * area_.width];
    for (int x = 0; x < area_.width; ++x) {
      int sum = 0;
      for (int i = 0; i < area_.pixels; ++i, pixel += 3) sum += 77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2];
      out[x] += static_cast<float>(sum) * share;
    }
  }
}

void ResidualFilter::box_mean(const std::vector<float>& from, int radius, std::vector<float>& to) {
  const int width = area_.width, height = area_.height;
  for (int y = 0; y < height; ++y) {
    const float* const in = &from[static_cast<std::size_t>(y) * width];
    float* const out = &rows_[static_cast<std::size_t>(y) * width];
    float sum = 0;
    for (int x = 0; x < std::min(radius, width); ++x) sum += in[x];
    for (int x = 0; x < width; ++x) {
      if (x + radius < width) sum += in[x + radius];
      if (x > radius) sum -= in[x - radius - 1];
      out[x] = sum / static_cast<float>(std::min(x + radius, width - 1) - std::max(x - radius, 0) + 1);
    }
  }
  std::fill(columns_.begin(), columns_.end(), 0.F);
  const auto add = [&](int y, float sign) {
    const float* const in = &rows_[static_cast<std::size_t>(y) * width];
    for (int x = 0; x < width; ++x) columns_[x] += sign * in[x];
  };
  for (int y = 0; y < std::min(radius, height); ++y) add(y, 1);
  for (int y = 0; y < height; ++y) {
    if (y + radius < height) add(y + radius, 1);
    if (y > radius) add(y - radius - 1, -1);
    const float share = 1 / static_cast<float>(std::min(y + radius, height - 1) - std::max(y - radius, 0) + 1);
    float* const out = &to[static_cast<std::size_t>(y) * width];
    for (int x = 0; x < width; ++x) out[x] = columns_[x] * share;
  }
}

void ResidualFilter::add_to(std::span<float> sum, std::span<const std::uint8_t> rgb) {
  read_luma(rgb);
  box_mean(luma_, kBlurRadius, blurred_);
  box_mean(blurred_, kBlurRadius, blurred_);
  const std::size_t samples = luma_.size();
  for (std::size_t i = 0; i < samples; ++i) {
    luma_[i] -= blurred_[i];
    energy_[i] = luma_[i] * luma_[i];
  }
  box_mean(energy_, kContrastRadius, energy_);
  for (std::size_t i = 0; i < samples; ++i) {
    // Rounding may leave less than nothing of a flat area.
    const float contrast = std::sqrt(std::max(energy_[i], 0.F)) + kLeastContrast;
    sum[i] += std::clamp(luma_[i] / contrast, -kMostResidual, kMostResidual);
  }
}

}  // namespace sora
