// Frames to H.264 in MP4: BT.709, 4:2:0, the same bytes however many cores there are.
#pragma once

#include "media/av.h"
#include "media/frame_check.h"
#include "media/mp4_file.h"
#include "sora/frame_sink.h"
#include "sora/request.h"

namespace sora {

class Mp4Writer final : public FrameSink {
 public:
  /// Opens the file and the encoder. Memory does not grow with frame_count.
  Mp4Writer(const OutputOptions& options, const PixelSize& size, const Rational& fps, int frame_count,
            const FileOps& ops, Seal seal = {});

  void write(const Frames& frames) override;
  void finish() override;

 private:
  void encode(const AVFrame* frame);

  FrameCheck check_;
  Mp4File file_;
  AvPtr<AVCodecContext> encoder_;
  AvPtr<SwsContext> converter_;
  AvPtr<AVFrame> rgb_, yuv_;
  AvPtr<AVPacket> packet_;
  int frames_in_ = 0, packets_out_ = 0;
};

/// An x264 encoder that is open. Error{output} if it will not.
AvPtr<AVCodecContext> open_x264(const OutputOptions& options, const PixelSize& size, const Rational& fps);

}  // namespace sora
