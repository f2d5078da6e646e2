#include "jobs/thumbnail_sink.h"

#include <algorithm>
#include <utility>

#include "base/resample.h"
#include "media/png_encoder.h"

namespace sora {
namespace {

constexpr int kLongestSide = 160;  // a manifest is read before the video is

PixelSize small(const PixelSize& size) {
  const int longest = std::max(size.width, size.height);
  if (longest <= kLongestSide) return size;
  const auto scaled = [&](int side) { return std::max(1, side * kLongestSide / longest); };
  return {scaled(size.width), scaled(size.height)};
}

}  // namespace

ThumbnailSink::ThumbnailSink(std::unique_ptr<FrameSink> next, const PixelSize& size, int frame_count, std::string& png)
    : next_(std::move(next)), size_(size), middle_(frame_count / 2), png_(png) {}

void ThumbnailSink::write(const Frames& frames) {
  if (middle_ >= done_ && middle_ < done_ + frames.count) {
    const std::size_t bytes = frames.rgb.size() / static_cast<std::size_t>(frames.count);
    const PixelSize to = small(size_);
    const Resampler shrink(size_, to, Filter::lanczos);
    const auto picture = shrink(frames.rgb.subspan(static_cast<std::size_t>(middle_ - done_) * bytes, bytes));
    PngEncoder encoder(to);
    const auto png = encoder.encode(picture.data());
    png_.assign(png.begin(), png.end());
  }
  done_ += frames.count;
  next_->write(frames);
}

}  // namespace sora
