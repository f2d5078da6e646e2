// The pictures of a file of the user's, decoded one after another. What may be decoded is a list; nothing else of libav
// sees a byte of the file.
#pragma once

#include <filesystem>
#include <string>

#include "media/av.h"
#include "media/file_kind.h"
#include "media/input_file.h"

namespace sora {

class MediaDecoder {
 public:
  /// Error{input} for what is no picture or clip, or is larger than 16384 pixels a side or 64 megapixels in all; such
  /// a picture is refused by its header.
  explicit MediaDecoder(const std::filesystem::path& path);

  /// The next picture in the order in which they are shown, until the next call; nullptr at the end. All have one size.
  /// Error{input} if the file is damaged, incomplete, HDR, or has more than a hundred thousand pictures.
  AVFrame* next();

  /// One picture and no clock.
  bool is_picture() const { return format_ == nullptr; }
  /// Of a clip.
  AVFormatContext& format() const { return *format_; }
  AVStream& stream() const { return *stream_; }

  /// Error{input} with the path in front.
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) const {
    fail(Fault::input, "{}: {}", name_, fmt::format(text, std::forward<Args>(args)...));
  }
  /// Refuses pictures that are too large.
  void check_size(const PixelSize& size) const;

 private:
  struct CloseInput {
    void operator()(AVFormatContext* format) const { avformat_close_input(&format); }
  };

  void open_picture(FileKind kind);
  void open_clip(FileKind kind);
  void choose_stream();
  void open_decoder(const AVCodec& codec);
  const AVCodec& decoder_for(AVCodecID id) const;
  int read_packet();
  void send_packet();
  void check_frame();
  [[noreturn]] void fail_damaged(int code) const;

  std::string name_;
  InputFile file_;
  std::unique_ptr<AVFormatContext, CloseInput> format_;
  AVStream* stream_ = nullptr;
  AvPtr<AVCodecContext> decoder_;
  AvPtr<AVPacket> packet_;
  AvPtr<AVFrame> frame_;
  bool at_end_ = false;
  PixelSize size_;  ///< of the first picture
  int frames_ = 0;
};

}  // namespace sora
