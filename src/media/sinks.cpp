// Where frames go: an MP4 file, PNG files, nowhere, or into a checksum. The name of the output decides.
#include "media/sinks.h"

#include <fmt/format.h>

#include <utility>

#include "base/output_name.h"
#include "media/md5_sink.h"
#include "media/mp4_writer.h"
#include "media/png_writer.h"
#include "media/stills.h"

namespace sora {
namespace {

class NullSink final : public FrameSink {
 public:
  NullSink(const PixelSize& size, int frame_count) : check_(size, frame_count) {}
  void write(const Frames& frames) override { check_.accept(frames); }
  void finish() override { check_.require_complete(); }

 private:
  FrameCheck check_;
};

OpenedSink open_md5(const PixelSize& size, int frame_count) {
  auto sink = std::make_unique<Md5Sink>(size, frame_count);
  const Md5Sink& md5 = *sink;
  return {std::move(sink), [&md5] { return md5.digest(); }};
}

std::unique_ptr<FrameSink> open_mp4(const OutputOptions& options, const PixelSize& size, const Rational& fps,
                                    int frame_count, const FileOps& ops, bool resumes, Seal seal) {
  auto video = std::make_unique<Mp4Writer>(options, size, fps, frame_count, ops, std::move(seal));
  if (!options.poster && !options.contact_sheet) return video;
  return std::make_unique<Stills>(std::move(video), options, size, frame_count, ops, resumes);
}

}  // namespace

OpenedSink open_sink(const OutputOptions& options, const PixelSize& size, const Rational& fps, int frame_count,
                     const FileOps& ops, bool resumes, Seal seal) {
  quieten_libav();
  check_output(options, size, frame_count);
  const OutputKind kind = output_kind(options.path);
  switch (kind) {
    case OutputKind::mp4:
      return {.sink = open_mp4(options, size, fps, frame_count, ops, resumes, std::move(seal))};
    case OutputKind::png_sequence:
    case OutputKind::png:
      return {.sink = std::make_unique<PngWriter>(options, kind, size, frame_count, ops, resumes)};
    case OutputKind::null:
      return {.sink = std::make_unique<NullSink>(size, frame_count)};
    case OutputKind::md5:
      return open_md5(size, frame_count);
  }
  fail(Fault::bug, "open_sink: output kind {}", static_cast<int>(kind));
}

std::string probe_h264_encoder() {
  quieten_libav();
  open_x264({}, {64, 64}, {24, 1});
  const unsigned version = avcodec_version();
  return fmt::format("libx264, libavcodec {}.{}.{}", AV_VERSION_MAJOR(version), AV_VERSION_MINOR(version),
                     AV_VERSION_MICRO(version));
}

}  // namespace sora
