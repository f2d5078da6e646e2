// The user's pictures and clips as 8-bit RGB, as a player would show them.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "sora/frame_sink.h"
#include "sora/geometry.h"
#include "sora/media_info.h"

namespace sora {

/// Decodes the whole file: what is damaged or incomplete is refused here and not in the middle of a render.
/// Error{input} with the path and what was found.
MediaInfo probe_media(const std::filesystem::path& path);

using FramesFn = std::function<void(const Frames& frame)>;

/// A clip or a picture, read from its start to its end.
class MediaReader {
 public:
  /// Error{input} as above.
  MediaReader(const std::filesystem::path& path, const Rational& fps);
  MediaReader(MediaReader&&) noexcept;
  MediaReader& operator=(MediaReader&&) noexcept;
  ~MediaReader();

  /// Frames [first, first + count) at the reader's fps, one at a time, in memory that is valid during the call; its
  /// size is MediaInfo::size. Frame i shows the last of the file's pictures that has begun at i / fps (to a
  /// millisecond, which is how exact times are in Matroska); there are frames_at(probe_media(path), fps) of them. A
  /// picture is frame 0 at any fps. Error{input} as above, or if there are fewer frames. No frame is read twice:
  /// `first` is at least position().
  void read(int first, int count, const FramesFn& emit);
  /// One past the last frame that was read.
  int position() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

using WatchFn = std::function<void(const Frames& frame, double seconds)>;

/// The pictures of the first `most_seconds` as they come, each once, with the time from the first to it. Error{input}
/// as above, after those that could be decoded.
void watch_media(const std::filesystem::path& path, double most_seconds, const WatchFn& emit);

/// MediaReader(path, fps).read(first, count, emit).
void read_media(const std::filesystem::path& path, const Rational& fps, int first, int count, const FramesFn& emit);

}  // namespace sora
