// Pictures of one size brought to another: cropped, padded or stretched, by Pillow's Lanczos filter.
#include "media/fit.h"

#include <algorithm>

#include "sora/error.h"

namespace sora {
namespace {

// a · b / c to the nearest integer, at least 1.
int scaled(int a, int b, int c) {
  return static_cast<int>(std::max<std::int64_t>(1, (std::int64_t{a} * b + c / 2) / c));
}

// The size with `from`'s aspect ratio that has `to`'s width or height, whichever makes it larger or smaller.
PixelSize keep_aspect(const PixelSize& from, const PixelSize& to, bool larger) {
  const bool is_wider = std::int64_t{from.width} * to.height > std::int64_t{to.width} * from.height;
  if (is_wider == larger) return {scaled(from.width, to.height, from.height), to.height};
  return {to.width, scaled(from.height, to.width, from.width)};
}

PixelSize scaled_size(const PixelSize& from, const PixelSize& to, Resize resize) {
  switch (resize) {
    case Resize::crop:
      return keep_aspect(from, to, true);
    case Resize::pad:
      return keep_aspect(from, to, false);
    case Resize::stretch:
      return to;
  }
  fail(Fault::bug, "resize {}", static_cast<int>(resize));
}

PixelSize common(const PixelSize& a, const PixelSize& b) {
  return {std::min(a.width, b.width), std::min(a.height, b.height)};
}

// The middle of `scaled`, of `to`'s size or less.
Crop middle(const PixelSize& whole, const PixelSize& to) {
  const PixelSize size = common(whole, to);
  return {(whole.width - size.width) / 2, (whole.height - size.height) / 2, size};
}

}  // namespace

Fitter::Fitter(const PixelSize& from, const PixelSize& to, Resize resize)
    : Fitter(from, to, scaled_size(from, to, resize)) {}

Fitter::Fitter(const PixelSize& from, const PixelSize& to, const PixelSize& whole)
    : to_(to), part_(middle(whole, to)), resampler_(from, whole, part_, Filter::lanczos) {}

std::vector<std::uint8_t> Fitter::operator()(std::span<const std::uint8_t> rgb) const {
  std::vector<std::uint8_t> part = resampler_(rgb);
  const PixelSize& size = part_.size;
  if (size == to_) return part;
  std::vector<std::uint8_t> result(std::size_t{3} * to_.width * to_.height);  // black
  const int left = (to_.width - size.width) / 2, top = (to_.height - size.height) / 2;
  const std::size_t row = std::size_t{3} * size.width;
  for (int y = 0; y < size.height; ++y) {
    const std::size_t pixel = static_cast<std::size_t>(to_.width) * (top + y) + left;
    std::copy_n(&part[row * y], row, &result[3 * pixel]);
  }
  return result;
}

}  // namespace sora
