// Frames to PNG files: one for each frame, numbered from 1, or one alone.
#pragma once

#include "base/files.h"
#include "base/output_name.h"
#include "media/av.h"
#include "media/frame_check.h"
#include "sora/frame_sink.h"
#include "sora/request.h"

namespace sora {

/// Every file appears whole, as soon as it has been written; files of a run that fails later stay.
class PngWriter final : public FrameSink {
 public:
  PngWriter(const OutputOptions& options, OutputKind kind, const PixelSize& size, int frame_count, const FileOps& ops,
            bool resumes);

  void write(const Frames& frames) override;
  void finish() override { check_.require_complete(); }

 private:
  std::filesystem::path path_of(int number) const;
  /// Whether an interrupted run has left a file of this name, which may stay if it is the same.
  bool left_behind(const std::filesystem::path& path) const;
  void write_file(const std::uint8_t* rgb);

  OutputOptions options_;
  OutputKind kind_;
  FrameCheck check_;
  FileOps ops_;
  bool resumes_;
  AvPtr<AVCodecContext> encoder_;
  AvPtr<AVFrame> frame_;
  AvPtr<AVPacket> packet_;
  std::unique_ptr<PartFile>
      next_;  ///< open already, so that a folder that cannot be written is known before frames come
  int done_ = 0;
};

}  // namespace sora
