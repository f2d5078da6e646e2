// The picture of a video that its manifest carries.
#pragma once

#include <memory>
#include <string>

#include "sora/frame_sink.h"
#include "sora/geometry.h"

namespace sora {

/// Passes frames on, and keeps a small one of the middle of the video as a PNG.
class ThumbnailSink final : public FrameSink {
 public:
  /// `png` is filled when that frame comes.
  ThumbnailSink(std::unique_ptr<FrameSink> next, const PixelSize& size, int frame_count, std::string& png);

  void write(const Frames& frames) override;
  void finish() override { next_->finish(); }

 private:
  std::unique_ptr<FrameSink> next_;
  PixelSize size_;
  int middle_, done_ = 0;
  std::string& png_;
};

}  // namespace sora
