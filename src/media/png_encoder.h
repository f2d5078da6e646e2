// One picture to the bytes of a PNG file.
#pragma once

#include <cstdint>
#include <span>

#include "media/av.h"

namespace sora {

class PngEncoder {
 public:
  /// Error{output} if it does not open.
  explicit PngEncoder(const PixelSize& size);

  /// `rgb` [height, width, 3], taken for sRGB. The result is valid until the next call.
  std::span<const std::uint8_t> encode(const std::uint8_t* rgb);

 private:
  AvPtr<AVCodecContext> encoder_;
  AvPtr<AVFrame> frame_;
  AvPtr<AVPacket> packet_;
};

}  // namespace sora
