// Pictures of a video beside it: a poster and a contact sheet.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/resample.h"
#include "media/frame_check.h"
#include "media/png_writer.h"
#include "sora/frame_sink.h"
#include "sora/request.h"

namespace sora {

/// Up to 16 frames, evenly spaced from the first to the last, in rows from left to right.
struct SheetLayout {
  std::vector<int> frames;  ///< in the video, ascending
  int columns = 0, rows = 0;
  PixelSize cell;  ///< of each frame: its own aspect; never more than its own size
  PixelSize size() const { return {columns * cell.width, rows * cell.height}; }
};
SheetLayout sheet_layout(const PixelSize& video, int frame_count);

/// Passes frames on to the video's sink, and makes options.poster (of the middle frame: the first may be the user's own
/// picture, or what a scene has not begun in) and options.contact_sheet of them. These appear at finish() before the
/// video does, so that the video's name still says that all is done. Memory: a picture each, however long the video.
class Stills final : public FrameSink {
 public:
  /// An existing picture is treated as an existing video is.
  Stills(std::unique_ptr<FrameSink> video, const OutputOptions& options, const PixelSize& size, int frame_count,
         const FileOps& ops, bool resumes);

  void write(const Frames& frames) override;
  void finish() override;

 private:
  struct Poster {
    PngFile file;
    std::vector<std::uint8_t> rgb;
  };
  struct Sheet {
    PngFile file;
    SheetLayout layout;
    Resampler to_cell;
    std::vector<std::uint8_t> rgb;
    std::size_t filled = 0;  ///< cells
  };
  static void add(Sheet& sheet, std::span<const std::uint8_t> rgb);

  std::unique_ptr<FrameSink> video_;
  FrameCheck check_;
  std::optional<Poster> poster_;
  std::optional<Sheet> sheet_;
  int done_ = 0;
};

}  // namespace sora
