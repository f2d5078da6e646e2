// An MP4 file with one video track, its index (moov) before the pictures (mdat) so that players can start at once.
#pragma once

#include <exception>
#include <filesystem>
#include <string>

#include "base/files.h"
#include "media/av.h"
#include "sora/request.h"

namespace sora {

/// Reads a file from a position of its own while its writer goes on.
struct SecondReader {
  int fd = -1;
  std::int64_t position = 0;
};

/// libav's muxer on a PartFile. All errors are Error{output} with the path.
class Mp4File {
 public:
  Mp4File(const OutputOptions& options, const FileOps& ops, Seal seal);
  // libav holds pointers to this object.
  Mp4File(const Mp4File&) = delete;
  Mp4File& operator=(const Mp4File&) = delete;

  /// Writes the header for what `encoder` makes, with `comment` as its tag of that name unless it is empty.
  void begin(const AVCodecContext& encoder, const std::string& comment);
  /// Takes over what `packet` holds, timed by the encoder's time base.
  void write(AVPacket& packet);
  /// The file appears under its name.
  void finish();

  /// `code` itself unless it is an error of libav; then Error{output}, "<path>: libav cannot <act>: <reason>".
  int checked(int code, const char* act);

 private:
  void open_io();
  int write_bytes(const std::uint8_t* data, int size);

  std::filesystem::path path_;
  PartFile part_;
  Seal seal_;
  SecondReader reader_;
  AvPtr<AVIOContext> io_, second_io_;
  AvPtr<AVFormatContext> format_;
  AVRational time_base_{0, 1};
  std::exception_ptr failure_;  ///< what a callback could not throw through libav
};

}  // namespace sora
