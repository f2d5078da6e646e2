#include "jobs/given_pixels.h"

#include <ATen/ATen.h>

#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "base/resample.h"
#include "media/fit.h"
#include "media/media_reader.h"

namespace sora {
namespace {

Tensor to_tensor(std::span<const std::uint8_t> rgb, const PixelSize& size) {
  Tensor frame = at::empty({1, size.height, size.width, 3}, at::kByte);
  std::memcpy(frame.mutable_data_ptr(), rgb.data(), rgb.size());
  return frame;
}

PixelSize size_of(const Frames& frames) { return {frames.width, frames.height}; }

// Clips that are read on from where the last call has left them: a render asks for a few frames after the other, and
// each clip begins with a decoder that must start at its first frame. A copy has none of them open.
class OpenClips {
 public:
  OpenClips() = default;
  OpenClips(const OpenClips&) {}
  OpenClips& operator=(const OpenClips&) = delete;

  /// [count, H, W, 3]
  Tensor read(const std::filesystem::path& media, const FrameRange& range, const Rational& fps, const PixelSize& size,
              Fit fit) {
    auto found = clips_.find(media);
    if (found == clips_.end() || found->second.reader.position() > range.first) {
      found = clips_.insert_or_assign(media, Clip{MediaReader(media, fps), std::nullopt}).first;
    }
    auto& [reader, fitter] = found->second;
    Tensor frames = at::empty({range.count, size.height, size.width, 3}, at::kByte);
    int done = 0;
    reader.read(range.first, range.count, [&](const Frames& frame) {
      if (!fitter) fitter.emplace(size_of(frame), size, fit);
      const std::vector<std::uint8_t> rgb = (*fitter)(frame.rgb);
      std::memcpy(frames.select(0, done++).mutable_data_ptr(), rgb.data(), rgb.size());
    });
    return frames;
  }

 private:
  struct Clip {
    MediaReader reader;
    std::optional<Fitter> fitter;
  };
  std::map<std::filesystem::path, Clip> clips_;
};

// WanVACEPipeline: scaled to multiples of the VAE's factor, then into the video's size with its own aspect ratio, in
// the middle of a white picture.
Tensor reference_pixels(const std::filesystem::path& image, const PixelSize& size, int space) {
  Tensor scaled;
  read_media(image, {1, 1}, 0, 1, [&](const Frames& frame) {
    const PixelSize from = size_of(frame);
    const PixelSize whole{std::max(1, from.width / space) * space, std::max(1, from.height / space) * space};
    scaled = to_tensor(Resampler(from, whole, Filter::lanczos)(frame.rgb), whole);
  });
  const Tensor pixels = scaled.to(at::kFloat).div_(255).mul_(2).sub_(1).permute({0, 3, 1, 2});  // [1, 3, h, w]
  const double scale = std::min(static_cast<double>(size.height) / static_cast<double>(pixels.size(2)),
                                static_cast<double>(size.width) / static_cast<double>(pixels.size(3)));
  const auto height = static_cast<std::int64_t>(static_cast<double>(pixels.size(2)) * scale);
  const auto width = static_cast<std::int64_t>(static_cast<double>(pixels.size(3)) * scale);
  Tensor canvas = at::ones({1, 3, 1, size.height, size.width}, at::kFloat);
  canvas.select(2, 0)
      .narrow(2, (size.height - height) / 2, height)
      .narrow(3, (size.width - width) / 2, width)
      .copy_(at::upsample_bilinear2d(pixels, {height, width}, /*align_corners=*/false));
  return canvas;
}

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

PixelReader make_pixel_reader(const Plan& plan) {
  return {[clips = OpenClips(), fps = plan.fps, size = plan.size, fit = plan.fit](const std::filesystem::path& media,
                                                                                  const FrameRange& range) mutable {
            return clips.read(media, range, fps, size, fit);
          },
          [size = plan.size, space = plan.compression.space](const std::filesystem::path& image) {
            return reference_pixels(image, size, space);
          }};
}

}  // namespace sora
