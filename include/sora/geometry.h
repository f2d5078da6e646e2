// Sizes in pixels and in latents, and the arithmetic between them. The only place where the VAE's factors divide.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace sora {

struct PixelSize {
  int width = 0, height = 0;
  bool operator==(const PixelSize&) const = default;
};

/// Frames per second as an exact fraction, e.g. 24000/1001.
struct Rational {
  int numerator = 0, denominator = 1;
  double value() const { return static_cast<double>(numerator) / denominator; }
  bool operator==(const Rational&) const = default;
};

/// Pixels per latent: Wan 2.1 has {4, 8}, Wan 2.2's TI2V {4, 16}. The first frame is a latent frame of its own.
struct Compression {
  int time = 0, space = 0;
};

struct LatentShape {
  int channels = 0, frames = 0, height = 0, width = 0;
  std::array<std::int64_t, 5> sizes() const { return {1, channels, frames, height, width}; }
  std::int64_t values() const { return std::int64_t{channels} * frames * height * width; }
  bool operator==(const LatentShape&) const = default;
};

/// How a spatially tiled VAE cuts the picture; in pixels. Tiles overlap by tile minus stride and are blended.
struct Tiling {
  PixelSize tile, stride;
  bool operator==(const Tiling&) const = default;
};

/// Latent frames that a tiled VAE decodes in one tile before it goes on to the next.
inline constexpr int kLatentFramesATile = 32;

/// Latent frames that hold `pixel_frames` (>= 1) frames: 1 + ceil((n - 1) / time).
int latent_frames_for(int pixel_frames, const Compression& compression);
/// Frames that `latent_frames` decode to: 1 + (n - 1) * time.
int pixel_frames_of(int latent_frames, const Compression& compression);
/// The first of the pixel frames that a latent frame stands for; of the one behind a video's end, the number of its
/// frames. Latent frame 0 stands for one frame, each other for compression.time.
int first_pixel_frame(int latent_frame, const Compression& compression);
/// The latent frame that stands for `pixel_frame`.
int latent_frame_of(int pixel_frame, const Compression& compression);
/// A side in pixels, rounded down to whole latents, but never to none.
int whole_latents(int side, const Compression& compression);
/// Tiles of this size or a little less, with the overlap that is usual: a quarter of a tile.
Tiling usual_tiling(const PixelSize& tile, const Compression& compression);

/// `size` in latents; latent frames are rounded up to the denoiser's patch in time (`patch` is {time, height, width}).
/// Throws Error{usage}, naming the nearest sizes that fit, unless width and height are multiples of compression.space
/// times the patch.
LatentShape latent_shape_for(const PixelSize& size, int pixel_frames, int channels, const Compression& compression,
                             const std::array<int, 3>& patch);

/// "832x480" and "24" or "24000/1001", as the flags take them.
std::string to_string(const PixelSize& size);
std::string to_string(const Rational& rational);

}  // namespace sora
