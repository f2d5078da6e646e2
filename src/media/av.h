// libav's objects with owners, and its error codes as exceptions.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "sora/geometry.h"

namespace sora {

struct AvFree {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
  void operator()(AVFormatContext* format) const { avformat_free_context(format); }
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
  void operator()(AVIOContext* io) const;
};

template <class T>
using AvPtr = std::unique_ptr<T, AvFree>;

/// What libav calls the error `code`.
std::string av_error_text(int code);

/// `code` itself if it is no error, else Error{output}: "libav cannot <act>: <its words>".
int av_checked(int code, std::string_view act);

/// `object`, or std::bad_alloc if it is null: what libav's allocators return when there is no memory.
template <class T>
AvPtr<T> av_owned(T* object) {
  if (object == nullptr) throw std::bad_alloc();
  return AvPtr<T>(object);
}

/// A member of libav's whose type is an enum: what a file says is put there unchecked, and C++ must not look at an enum
/// with a value that is none of its own.
template <class Enum>
int number_in(const Enum& member) {
  int number = 0;
  static_assert(sizeof number == sizeof member);
  std::memcpy(&number, &member, sizeof number);
  return number;
}

/// A frame with a buffer of its own.
AvPtr<AVFrame> make_frame(const PixelSize& size, AVPixelFormat format);

/// Copies picture `rgb` [height, width, 3] into an RGB24 frame. libav reads past the end of a picture's last row (its
/// vectors are wider than a pixel), which only a frame of its own allows.
void copy_rgb(const std::uint8_t* rgb, AVFrame& frame);

/// libav writes to stderr when it likes; its words go to the log's debug level instead.
void quieten_libav();

}  // namespace sora
