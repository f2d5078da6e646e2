// Pillow's resizing: the weights in double, rounded to fixed point; one pass an axis, each rounded to 8 bits.
#include "base/resample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "sora/error.h"

namespace sora {
namespace {

constexpr int kFractionBits = 22;
constexpr int kChannels = 3;
// Lanes are summed side by side, in vectors. For the pass along a row they are the channels of this many rows.
constexpr int kRows = 16, kLanes = kRows * kChannels;

double sinc(double x) { return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

double lanczos(double x) { return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

double bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * kA : 0;
}

struct Kernel {
  double (*weight)(double);
  double support;
};

Kernel kernel_of(Filter filter) { return filter == Filter::lanczos ? Kernel{lanczos, 3} : Kernel{bicubic, 2}; }

// out[j] = sum of weights[i] · samples[i · stride + j], for kLanes values of j.
void weigh(const std::uint8_t* samples, std::ptrdiff_t stride, const std::int32_t* weights, int count,
           std::uint8_t* out) {
  std::int32_t sums[kLanes];
  std::fill_n(sums, kLanes, 1 << (kFractionBits - 1));
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < kLanes; ++j) sums[j] += weights[i] * samples[i * stride + j];
  }
  for (int j = 0; j < kLanes; ++j) out[j] = static_cast<std::uint8_t>(std::clamp(sums[j] >> kFractionBits, 0, 255));
}

}  // namespace

Resampler::Axis Resampler::make_axis(int from, int to, int begin, int count, Filter filter) {
  const Kernel kernel = kernel_of(filter);
  const double scale = static_cast<double>(from) / to, widening = std::max(scale, 1.0);
  const double support = kernel.support * widening;
  Axis axis;
  axis.taps = 2 * static_cast<int>(std::ceil(support)) + 1;
  axis.weights.resize(static_cast<std::size_t>(axis.taps) * count);
  std::vector<double> exact(axis.taps);
  for (int o = 0; o < count; ++o) {
    const double centre = (begin + o + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int taps = std::min(static_cast<int>(centre + support + 0.5), from) - first;
    double sum = 0;
    for (int i = 0; i < taps; ++i) {
      exact[i] = kernel.weight((first + i - centre + 0.5) * (1 / widening));
      sum += exact[i];
    }
    for (int i = 0; i < taps; ++i) {
      const double scaled = exact[i] / sum * (1 << kFractionBits);
      axis.weights[static_cast<std::size_t>(axis.taps) * o + i] =
          static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    axis.first.push_back(first);
    axis.count.push_back(taps);
  }
  return axis;
}

Resampler::Resampler(const PixelSize& from, const PixelSize& to, const Crop& crop, Filter filter)
    : from_(from), crop_(crop) {
  const auto inside = [](int begin, int count, int whole) { return begin >= 0 && count > 0 && begin <= whole - count; };
  require(from.width > 0 && from.height > 0 && inside(crop.left, crop.size.width, to.width) &&
              inside(crop.top, crop.size.height, to.height),
          Fault::bug, "a {}x{} part at {}, {} of {}x{} resized to {}x{}", crop.size.width, crop.size.height, crop.left,
          crop.top, from.width, from.height, to.width, to.height);
  if (from.width != to.width) x_ = make_axis(from.width, to.width, crop.left, crop.size.width, filter);
  if (from.height != to.height) y_ = make_axis(from.height, to.height, crop.top, crop.size.height, filter);
}

// [rows, from width, 3] -> [rows, crop width, 3] where the width stays.
std::vector<std::uint8_t> Resampler::crop_rows(const std::uint8_t* source, int rows) const {
  std::vector<std::uint8_t> result;
  for (int y = 0; y < rows; ++y) {
    const std::uint8_t* row =
        source + std::size_t{kChannels} * (static_cast<std::size_t>(from_.width) * y + crop_.left);
    result.insert(result.end(), row, row + kChannels * crop_.size.width);
  }
  return result;
}

// [rows, from width, 3] -> [rows, crop width, 3]. Some rows at a time are turned, so that the lanes of one column lie
// side by side.
std::vector<std::uint8_t> Resampler::resize_rows(const std::uint8_t* source, int rows) const {
  const std::size_t in_row = std::size_t{kChannels} * from_.width, out_row = std::size_t{kChannels} * crop_.size.width;
  std::vector<std::uint8_t> result(out_row * rows), turned(in_row * kRows);
  std::uint8_t column[kLanes];
  for (int top = 0; top < rows; top += kRows) {
    const int block = std::min(kRows, rows - top);
    for (int y = 0; y < block; ++y) {
      const std::uint8_t* row = source + in_row * (top + y);
      for (int x = 0; x < from_.width; ++x)
        std::copy_n(row + kChannels * x, kChannels, &turned[std::size_t{kLanes} * x + kChannels * y]);
    }
    for (int x = 0; x < crop_.size.width; ++x) {
      const std::int32_t* weights = &x_.weights[static_cast<std::size_t>(x_.taps) * x];
      weigh(&turned[std::size_t{kLanes} * x_.first[x]], kLanes, weights, x_.count[x], column);
      for (int y = 0; y < block; ++y)
        std::copy_n(column + kChannels * y, kChannels, &result[out_row * (top + y) + kChannels * x]);
    }
  }
  return result;
}

// [rows, crop width, 3] -> [crop height, crop width, 3]. `rows` begin with row y_.first[0] of the source.
std::vector<std::uint8_t> Resampler::resize_columns(std::vector<std::uint8_t> rows) const {
  const std::size_t row = std::size_t{kChannels} * crop_.size.width;
  std::vector<std::uint8_t> result(row * crop_.size.height + kLanes);
  rows.resize(rows.size() + kLanes);  // the last lanes of a row reach into what follows it
  for (int y = 0; y < crop_.size.height; ++y) {
    const std::int32_t* weights = &y_.weights[static_cast<std::size_t>(y_.taps) * y];
    const std::uint8_t* source = rows.data() + row * (y_.first[y] - y_.first[0]);
    for (std::size_t i = 0; i < row; i += kLanes)
      weigh(source + i, static_cast<std::ptrdiff_t>(row), weights, y_.count[y], &result[row * y + i]);
  }
  result.resize(row * crop_.size.height);
  return result;
}

std::vector<std::uint8_t> Resampler::operator()(std::span<const std::uint8_t> rgb) const {
  const std::size_t in_row = std::size_t{kChannels} * from_.width;
  require(rgb.size() == in_row * from_.height, Fault::bug, "a picture of {}x{} came in {} bytes", from_.width,
          from_.height, rgb.size());
  // Rows of the source that the result depends on.
  const bool resizes_columns = !y_.first.empty();
  const int first = resizes_columns ? y_.first.front() : crop_.top;
  const int last = resizes_columns ? y_.first.back() + y_.count.back() : crop_.top + crop_.size.height;
  const std::uint8_t* source = rgb.data() + in_row * first;
  std::vector<std::uint8_t> rows =
      x_.first.empty() ? crop_rows(source, last - first) : resize_rows(source, last - first);
  return resizes_columns ? resize_columns(std::move(rows)) : rows;
}

}  // namespace sora
