// An MP4 file with one video track, its index (moov) before the pictures (mdat) so that players can start at once.
#include "media/mp4_file.h"

extern "C" {
#include <libavutil/dict.h>
}

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr int kBufferBytes = 1 << 16;

std::int64_t size_of(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 ? info.st_size : AVERROR(errno);
}

std::int64_t seek_in(int fd, std::int64_t offset, int whence) {
  if (whence == AVSEEK_SIZE) return size_of(fd);
  const off_t position = lseek(fd, offset, whence & ~AVSEEK_FORCE);
  return position < 0 ? AVERROR(errno) : position;
}

int read_on(SecondReader& reader, std::uint8_t* data, int size) {
  const ssize_t n = pread(reader.fd, data, static_cast<std::size_t>(size), reader.position);
  if (n < 0) return AVERROR(errno);
  reader.position += n;
  return n == 0 ? AVERROR_EOF : static_cast<int>(n);
}

std::int64_t seek_in(SecondReader& reader, std::int64_t offset, int whence) {
  if (whence == AVSEEK_SIZE) return size_of(reader.fd);
  if ((whence & ~AVSEEK_FORCE) != SEEK_SET) return AVERROR(ENOSYS);
  return reader.position = offset;
}

std::uint8_t* make_buffer() {
  auto* buffer = static_cast<std::uint8_t*>(av_malloc(kBufferBytes));
  if (buffer == nullptr) throw std::bad_alloc();
  return buffer;
}

}  // namespace

Mp4File::Mp4File(const OutputOptions& options, const FileOps& ops, Seal seal)
    : path_(options.path), part_(path_, options.overwrite, ops, options.root), seal_(std::move(seal)) {
  if (seal_) part_.begin_draft();
  open_io();
  AVFormatContext* format = nullptr;
  checked(avformat_alloc_output_context2(&format, nullptr, "mp4", nullptr), "write MP4 files");
  format_.reset(format);
  format_->pb = io_.get();
  format_->flags |= AVFMT_FLAG_CUSTOM_IO;
  // To move the index to the front, libav opens the file it writes a second time, by name. It has no name yet.
  format_->opaque = second_io_.get();
  format_->io_open = [](AVFormatContext* opened, AVIOContext** io, const char*, int, AVDictionary**) {
    *io = static_cast<AVIOContext*>(opened->opaque);
    return 0;
  };
  format_->io_close2 = [](AVFormatContext*, AVIOContext*) { return 0; };
}

void Mp4File::open_io() {
  // The generic lambda is both: libav 5 and 6 hand over plain data, libav 7 const data.
  const auto write = [](void* file, auto* data, int size) {
    return static_cast<Mp4File*>(file)->write_bytes(data, size);
  };
  const auto seek = [](void* file, std::int64_t offset, int whence) {
    return seek_in(static_cast<Mp4File*>(file)->part_.fd(), offset, whence);
  };
  io_ = av_owned(avio_alloc_context(make_buffer(), kBufferBytes, 1, this, nullptr, write, seek));

  reader_.fd = part_.fd();
  const auto read = [](void* reader, std::uint8_t* data, int size) {
    return read_on(*static_cast<SecondReader*>(reader), data, size);
  };
  const auto seek_reader = [](void* reader, std::int64_t offset, int whence) {
    return seek_in(*static_cast<SecondReader*>(reader), offset, whence);
  };
  second_io_ = av_owned(avio_alloc_context(make_buffer(), kBufferBytes, 0, &reader_, read, nullptr, seek_reader));
}

int Mp4File::write_bytes(const std::uint8_t* data, int size) {
  try {
    part_.write({data, static_cast<std::size_t>(size)});
    return size;
  } catch (...) {
    failure_ = std::current_exception();
    return AVERROR(EIO);
  }
}

void Mp4File::begin(const AVCodecContext& encoder, const std::string& comment) {
  time_base_ = encoder.time_base;
  AVStream* stream = avformat_new_stream(format_.get(), nullptr);
  if (stream == nullptr) throw std::bad_alloc();
  checked(avcodec_parameters_from_context(stream->codecpar, &encoder), "describe the video");
  stream->time_base = encoder.time_base;
  stream->avg_frame_rate = stream->r_frame_rate = encoder.framerate;

  // Else libav's own name and version would stand there.
  checked(av_dict_set(&format_->metadata, "encoding_tool", "sora-gen", 0), "name the encoder");
  // Of all tags the one that every player and tool shows. A key of our own would make libav write QuickTime's tags in
  // place of MP4's, which few read.
  if (!comment.empty()) checked(av_dict_set(&format_->metadata, "comment", comment.c_str(), 0), "write the settings");
  AVDictionary* options = nullptr;
  av_dict_set(&options, "movflags", "+faststart", 0);
  // The clock of the whole film, in milliseconds by default, could not hold a length such as 2043.708 ms.
  av_dict_set_int(&options, "movie_timescale", encoder.time_base.den, 0);
  const int written = avformat_write_header(format_.get(), &options);
  av_dict_free(&options);
  checked(written, "begin the MP4 file");
}

void Mp4File::write(AVPacket& packet) {
  packet.stream_index = 0;
  av_packet_rescale_ts(&packet, time_base_, format_->streams[0]->time_base);
  checked(av_interleaved_write_frame(format_.get(), &packet), "write a frame");
}

void Mp4File::finish() {
  checked(av_write_trailer(format_.get()), "end the MP4 file");
  avio_flush(io_.get());
  checked(io_->error, "end the MP4 file");
  if (seal_) part_.end_draft(seal_);
  part_.publish();
}

int Mp4File::checked(int code, const char* act) {
  if (failure_) std::rethrow_exception(failure_);
  try {
    return av_checked(code, act);
  } catch (const Error& error) {
    throw error.within(shown(path_));
  }
}

}  // namespace sora
