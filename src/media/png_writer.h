// Frames to PNG files: one for each frame, numbered from 1, or one alone.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "base/files.h"
#include "base/output_name.h"
#include "media/frame_check.h"
#include "media/png_encoder.h"
#include "sora/frame_sink.h"
#include "sora/request.h"

namespace sora {

/// A PNG file that appears whole. One of its name that an interrupted run has left may stay if it is the same.
class PngFile {
 public:
  /// Opened at once, so that a folder that cannot be written is known before there is a picture.
  PngFile(std::filesystem::path path, const OutputOptions& options, bool resumes, const FileOps& ops);
  void publish(std::span<const std::uint8_t> bytes);

  /// Whether there is a file that a run which `resumes` finds in its way and need not refuse.
  static bool left_behind(const std::filesystem::path& path, bool overwrite, bool resumes);

 private:
  void open_part();

  std::filesystem::path path_, root_;
  bool overwrite_;
  FileOps ops_;
  std::unique_ptr<PartFile> part_;  ///< unless one was left behind
};

/// Every file appears whole, as soon as it has been written; files of a run that fails later stay.
class PngWriter final : public FrameSink {
 public:
  PngWriter(const OutputOptions& options, OutputKind kind, const PixelSize& size, int frame_count, const FileOps& ops,
            bool resumes);

  void write(const Frames& frames) override;
  void finish() override { check_.require_complete(); }

 private:
  std::filesystem::path path_of(int number) const;
  void open_next();

  OutputOptions options_;
  OutputKind kind_;
  FrameCheck check_;
  FileOps ops_;
  bool resumes_;
  PngEncoder encoder_;
  std::optional<PngFile> next_;
  int done_ = 0;
};

}  // namespace sora
