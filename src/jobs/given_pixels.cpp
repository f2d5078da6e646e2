#include "jobs/given_pixels.h"

#include <ATen/ATen.h>

#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "base/resample.h"
#include "media/fit.h"
#include "media/media_reader.h"
#include "render/pixels.h"

namespace sora {
namespace {

Tensor to_tensor(std::span<const std::uint8_t> rgb, const PixelSize& size) {
  Tensor frame = at::empty({1, size.height, size.width, 3}, at::kByte);
  std::memcpy(frame.mutable_data_ptr(), rgb.data(), rgb.size());
  return frame;
}

PixelSize size_of(const Frames& frames) { return {frames.width, frames.height}; }

// Clips are read on from where the last call has left them: a render asks for a few frames after the other, and each
// clip begins with a decoder that must start at its first frame.
class OpenClips final : public PixelReader {
 public:
  explicit OpenClips(const Plan& plan)
      : fps_(plan.fps), size_(plan.size), compression_(plan.compression), resize_(plan.resize) {}

  Tensor frames(const std::filesystem::path& media, const FrameRange& range) override {
    auto found = clips_.find(media);
    if (found == clips_.end() || found->second.reader.position() > range.first) {
      found = clips_.insert_or_assign(media, Clip{MediaReader(media, fps_), std::nullopt}).first;
    }
    auto& [reader, fitter] = found->second;
    Tensor frames = at::empty({range.count, size_.height, size_.width, 3}, at::kByte);
    int done = 0;
    reader.read(range.first, range.count, [&](const Frames& frame) {
      if (!fitter) fitter.emplace(size_of(frame), size_, resize_);
      const std::vector<std::uint8_t> rgb = (*fitter)(frame.rgb);
      std::memcpy(frames.select(0, done++).mutable_data_ptr(), rgb.data(), rgb.size());
    });
    return frames;
  }

  // WanVACEPipeline: scaled to multiples of the VAE's factor, then into the video's size with its own aspect ratio, in
  // the middle of a white picture.
  Tensor reference(const std::filesystem::path& image) override {
    Tensor scaled;  // [1, h, w, 3]
    read_media(image, {1, 1}, 0, 1, [&](const Frames& frame) {
      const PixelSize from = size_of(frame);
      const PixelSize whole{whole_latents(from.width, compression_), whole_latents(from.height, compression_)};
      scaled = to_tensor(Resampler(from, whole, Filter::lanczos)(frame.rgb), whole);
    });
    const Tensor pixels = to_pixels(scaled).squeeze(0).transpose(0, 1);  // [1, 3, h, w]
    const double scale = std::min(static_cast<double>(size_.height) / static_cast<double>(pixels.size(2)),
                                  static_cast<double>(size_.width) / static_cast<double>(pixels.size(3)));
    const auto height = static_cast<std::int64_t>(static_cast<double>(pixels.size(2)) * scale);
    const auto width = static_cast<std::int64_t>(static_cast<double>(pixels.size(3)) * scale);
    Tensor canvas = at::ones({1, 3, 1, size_.height, size_.width}, at::kFloat);
    canvas.select(2, 0)
        .narrow(2, (size_.height - height) / 2, height)
        .narrow(3, (size_.width - width) / 2, width)
        .copy_(at::upsample_bilinear2d(pixels, {height, width}, /*align_corners=*/false));
    return canvas;
  }

 private:
  struct Clip {
    MediaReader reader;
    std::optional<Fitter> fitter;
  };

  Rational fps_;
  PixelSize size_;
  Compression compression_;
  Resize resize_;
  std::map<std::filesystem::path, Clip> clips_;
};

}  // namespace

std::vector<Picture> read_originals(const Plan& plan) {
  std::vector<Picture> pictures;
  for (const GivenSpan& span : plan.given) {
    read_media(span.media, plan.fps, span.source_first, 1, [&](const Frames& frame) {
      pictures.push_back({size_of(frame), {frame.rgb.begin(), frame.rgb.end()}});
    });
  }
  return pictures;
}

std::unique_ptr<PixelReader> make_pixel_reader(const Plan& plan) { return std::make_unique<OpenClips>(plan); }

}  // namespace sora
