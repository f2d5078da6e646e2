// libav's objects with owners, and its error codes as exceptions.
#include "media/av.h"

extern "C" {
#include <libavutil/error.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
}

#include <spdlog/spdlog.h>

#include <array>
#include <cstdarg>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

void log_line(void* context, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_WARNING) return;
  std::array<char, 1024> line{};
  int print_prefix = 1;
  av_log_format_line2(context, level, format, arguments, line.data(), static_cast<int>(line.size()), &print_prefix);
  std::string_view text(line.data());
  while (text.ends_with('\n')) text.remove_suffix(1);
  spdlog::debug("libav: {}", printable(text, line.size()));
}

}  // namespace

void AvFree::operator()(AVIOContext* io) const {
  av_freep(&io->buffer);
  avio_context_free(&io);
}

std::string av_error_text(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

int av_checked(int code, std::string_view act) {
  if (code >= 0) return code;
  if (code == AVERROR(ENOMEM)) throw std::bad_alloc();
  fail(Fault::output, "libav cannot {}: {}", act, av_error_text(code));
}

AvPtr<AVFrame> make_frame(const PixelSize& size, AVPixelFormat format) {
  AvPtr<AVFrame> frame = av_owned(av_frame_alloc());
  frame->width = size.width;
  frame->height = size.height;
  frame->format = format;
  av_checked(av_frame_get_buffer(frame.get(), 0), "allocate a frame");
  return frame;
}

void copy_rgb(const std::uint8_t* rgb, AVFrame& frame) {
  const int row = 3 * frame.width;
  av_image_copy_plane(frame.data[0], frame.linesize[0], rgb, row, row, frame.height);
}

void quieten_libav() { av_log_set_callback(log_line); }

}  // namespace sora
