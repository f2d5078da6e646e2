// Pixels to latents and back.
#include "sora/geometry.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "plan/sizes.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// The multiples on either side of `value`, or `value` itself if it is one; never 0.
std::vector<int> neighbours(int value, int multiple) {
  const int above = round_up(value, multiple);
  if (above == value || above == multiple) return {above};
  return {above - multiple, above};
}

}  // namespace

std::string size_fault(const PixelSize& size, const Compression& compression, const std::array<int, 3>& patch) {
  const PixelSize multiple{compression.space * patch[2], compression.space * patch[1]};
  std::vector<std::string> faults, nearest;
  const auto check = [&](const char* side, int value, int of) {
    if (value % of != 0) faults.push_back(fmt::format("{} {} is not a multiple of {}", side, value, of));
  };
  check("width", size.width, multiple.width);
  check("height", size.height, multiple.height);
  if (faults.empty()) return "";
  for (const int height : neighbours(size.height, multiple.height)) {
    for (const int width : neighbours(size.width, multiple.width))
      nearest.push_back(to_string(PixelSize{width, height}));
  }
  return fmt::format("{}; nearest: {}", fmt::join(faults, " and "), fmt::join(nearest, ", "));
}

std::string size_fault(const PixelSize& size, const Traits& traits) {
  const int most = traits.max_latent_side * traits.compression.space;
  if (size.width > most || size.height > most) return fmt::format("this model makes at most {} pixels a side", most);
  return size_fault(size, traits.compression, traits.patch);
}

int latent_frames_for(int pixel_frames, const Compression& compression) {
  return 1 + (pixel_frames - 1 + compression.time - 1) / compression.time;
}

int pixel_frames_of(int latent_frames, const Compression& compression) {
  return 1 + (latent_frames - 1) * compression.time;
}

int first_pixel_frame(int latent_frame, const Compression& compression) {
  return latent_frame == 0 ? 0 : pixel_frames_of(latent_frame, compression);
}

int latent_frame_of(int pixel_frame, const Compression& compression) {
  return latent_frames_for(pixel_frame + 1, compression) - 1;
}

int whole_latents(int side, const Compression& compression) {
  return std::max(1, side / compression.space) * compression.space;
}

Tiling usual_tiling(const PixelSize& tile, const Compression& compression) {
  const PixelSize whole{whole_latents(tile.width, compression), whole_latents(tile.height, compression)};
  return {whole, {whole_latents(whole.width * 3 / 4, compression), whole_latents(whole.height * 3 / 4, compression)}};
}

LatentShape latent_shape_for(const PixelSize& size, int pixel_frames, int channels, const Compression& compression,
                             const std::array<int, 3>& patch) {
  const std::string fault = size_fault(size, compression, patch);
  require(fault.empty(), Fault::usage, "--size {}: {}", to_string(size), fault);
  return {channels, round_up(latent_frames_for(pixel_frames, compression), patch[0]), size.height / compression.space,
          size.width / compression.space};
}

std::string to_string(const PixelSize& size) { return fmt::format("{}x{}", size.width, size.height); }

std::string to_string(const Rational& rational) {
  if (rational.denominator == 1) return std::to_string(rational.numerator);
  return fmt::format("{}/{}", rational.numerator, rational.denominator);
}

}  // namespace sora
