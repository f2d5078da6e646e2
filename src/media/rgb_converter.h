// Decoded pictures of any pixel format as full-range 8-bit RGB, by the colours that they are tagged with.
#pragma once

#include <cstdint>
#include <vector>

#include "media/av.h"

namespace sora {

class RgbConverter {
 public:
  /// -> [height, width, 3]. The format is one that libswscale reads (MediaDecoder refuses others). Untagged YUV is
  /// BT.601 below 720 lines and BT.709 above, in limited range. Alpha is dropped, as Pillow's convert("RGB") does.
  std::vector<std::uint8_t> operator()(const AVFrame& frame);

 private:
  /// What a converter is made for.
  struct Source {
    int width = 0, height = 0, format = -1, matrix = 0, chroma_location = 0;
    bool full_range = false;
    bool operator==(const Source&) const = default;
  };
  static Source source_of(const AVFrame& frame);
  void configure(const Source& source);

  Source source_;
  AvPtr<SwsContext> converter_;
  /// swscale stretches the colours of an odd size over one pixel less than they are for, so such pictures get a row or
  /// column more; null where there is no need.
  AvPtr<AVFrame> padded_;
  AvPtr<AVFrame> rgb_;
};

}  // namespace sora
