// Where frames go: an MP4 file, PNG files, nowhere, or into a checksum. The name of the output decides.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/files.h"
#include "sora/frame_sink.h"
#include "sora/geometry.h"
#include "sora/request.h"

namespace sora {

/// Frames of another size, and more or fewer frames than promised, are Error{bug}.
struct OpenedSink {
  std::unique_ptr<FrameSink> sink;
  /// After finish(): MD5 of all frames' bytes in hexadecimal digits where the output is `md5:`, else empty.
  std::function<std::string()> md5 = [] { return std::string(); };
};

/// Opens what base/output_name.h describes. All that can be refused without a frame is refused here: a bad name or
/// option (Error{usage}), an output that exists or cannot be written, an encoder that does not open (Error{output}). A
/// video appears under its name at finish(), a numbered frame (the first is number 1) as soon as it has been written.
/// The same frames and options give the same bytes, however many cores there are.
/// `seal`, if there is one, has the last word on an MP4 before it appears.
/// With `resumes`, numbered frames that an interrupted run has left are no obstacle if they are the same.
OpenedSink open_sink(const OutputOptions& options, const PixelSize& size, const Rational& fps, int frame_count,
                     const FileOps& ops = {}, bool resumes = false, Seal seal = {});

/// What encodes H.264 here, for people: "libx264, libavcodec 59.37.100". Error{output} if nothing does.
std::string probe_h264_encoder();

}  // namespace sora
