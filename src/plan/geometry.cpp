// Pixels to latents and back.
#include "sora/geometry.h"

#include <fmt/ranges.h>

#include <vector>

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

[[noreturn]] void fail_with_nearest(const PixelSize& size, const PixelSize& multiple) {
  std::vector<std::string> faults, nearest;
  const auto check = [&](const char* side, int value, int of) {
    if (value % of != 0) faults.push_back(fmt::format("{} {} is not a multiple of {}", side, value, of));
  };
  check("width", size.width, multiple.width);
  check("height", size.height, multiple.height);
  for (const int height : neighbours(size.height, multiple.height)) {
    for (const int width : neighbours(size.width, multiple.width))
      nearest.push_back(to_string(PixelSize{width, height}));
  }
  fail(Fault::usage, "--size {}: {}; nearest: {}", to_string(size), fmt::join(faults, " and "),
       fmt::join(nearest, ", "));
}

}  // namespace

int latent_frames_for(int pixel_frames, const Compression& compression) {
  return 1 + (pixel_frames - 1 + compression.time - 1) / compression.time;
}

int pixel_frames_of(int latent_frames, const Compression& compression) {
  return 1 + (latent_frames - 1) * compression.time;
}

LatentShape latent_shape_for(const PixelSize& size, int pixel_frames, int channels, const Compression& compression,
                             const std::array<int, 3>& patch) {
  const PixelSize multiple{compression.space * patch[2], compression.space * patch[1]};
  if (size.width % multiple.width != 0 || size.height % multiple.height != 0) fail_with_nearest(size, multiple);
  return {channels, round_up(latent_frames_for(pixel_frames, compression), patch[0]), size.height / compression.space,
          size.width / compression.space};
}

std::string to_string(const PixelSize& size) { return fmt::format("{}x{}", size.width, size.height); }

std::string to_string(const Rational& rational) {
  if (rational.denominator == 1) return std::to_string(rational.numerator);
  return fmt::format("{}/{}", rational.numerator, rational.denominator);
}

}  // namespace sora
