// The pictures of a file of the user's, decoded one after another.
#include "media/media_decoder.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <array>
#include <utility>

#include "base/interrupt.h"
#include "base/text.h"
#include "media/completeness.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr int kMaxSide = 16384, kMaxPixels = 1 << 26, kMaxFrames = 100'000;
constexpr std::int64_t kMaxPictureBytes = 1 << 29;
// More would decode faster than pixels are converted, and each holds a picture.
constexpr int kClipThreads = 4;

struct Codec {
  AVCodecID id;
  const char* decoder;
};
constexpr std::array kCodecs{
    Codec{AV_CODEC_ID_H264, "h264"},   Codec{AV_CODEC_ID_HEVC, "hevc"},         Codec{AV_CODEC_ID_AV1, "libdav1d"},
    Codec{AV_CODEC_ID_VP9, "vp9"},     Codec{AV_CODEC_ID_VP8, "vp8"},           Codec{AV_CODEC_ID_MPEG4, "mpeg4"},
    Codec{AV_CODEC_ID_MJPEG, "mjpeg"}, Codec{AV_CODEC_ID_PRORES, "prores"},     Codec{AV_CODEC_ID_FFV1, "ffv1"},
    Codec{AV_CODEC_ID_PNG, "png"},     Codec{AV_CODEC_ID_RAWVIDEO, "rawvideo"}, Codec{AV_CODEC_ID_GIF, "gif"},
    Codec{AV_CODEC_ID_WEBP, "webp"},   Codec{AV_CODEC_ID_BMP, "bmp"},
};

std::string decoder_names() {
  std::string names;
  for (const Codec& codec : kCodecs) names += std::string(names.empty() ? "" : ",") + codec.decoder;
  return names;
}

AVCodecID codec_of_picture(FileKind kind) {
  switch (kind) {
    case FileKind::png:
      return AV_CODEC_ID_PNG;
    case FileKind::jpeg:
      return AV_CODEC_ID_MJPEG;
    case FileKind::webp:
      return AV_CODEC_ID_WEBP;
    case FileKind::bmp:
      return AV_CODEC_ID_BMP;
    case FileKind::gif:
    case FileKind::mov:
    case FileKind::matroska:
    case FileKind::avi:
      break;
  }
  fail(Fault::bug, "a clip says itself how it is coded");
}

/// Options by name, for calls that take out what they know.
class Options {
 public:
  Options() = default;
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  ~Options() { av_dict_free(&values_); }
  void set(const char* name, const std::string& value) {
    if (av_dict_set(&values_, name, value.c_str(), 0) < 0) throw std::bad_alloc();
  }
  AVDictionary** get() { return &values_; }

 private:
  AVDictionary* values_ = nullptr;
};

}  // namespace

MediaDecoder::MediaDecoder(const std::filesystem::path& path)
    : name_(shown(path)), file_(path), packet_(av_owned(av_packet_alloc())), frame_(av_owned(av_frame_alloc())) {
  quieten_libav();
  const FileKind kind = file_kind(file_);
  if (!is_complete(file_, kind)) refuse("is incomplete: its {} bytes end before its content does", file_.size());
  if (sora::is_picture(kind))
    open_picture(kind);
  else
    open_clip(kind);
}

void MediaDecoder::check_size(const PixelSize& size) const {
  if (size.width <= 0 || size.height <= 0) refuse("has no size; the file is damaged or incomplete");
  if (size.width > kMaxSide || size.height > kMaxSide || std::int64_t{size.width} * size.height > kMaxPixels)
    refuse("is {}x{} pixels large; at most {} a side and 64 megapixels in all are accepted", size.width, size.height,
           kMaxSide);
}

// A picture's file is what its decoder takes, as a whole.
void MediaDecoder::open_picture(FileKind kind) {
  if (is_animated_webp(file_)) refuse("is an animated WebP, which cannot be read; expected a still one, a GIF or MP4");
  check_size(declared_size(file_, kind).value_or(PixelSize{}));
  if (file_.size() > kMaxPictureBytes)
    refuse("has {}, at most {} are accepted in one picture", human_bytes(file_.size()), human_bytes(kMaxPictureBytes));
  decoder_ = av_owned(avcodec_alloc_context3(&decoder_for(codec_of_picture(kind))));
  decoder_->thread_count = 1;
  open_decoder(*decoder_->codec);
}

void MediaDecoder::open_clip(FileKind kind) {
  const AVInputFormat* demuxer = av_find_input_format(demuxer_of(kind));
  if (demuxer == nullptr) refuse("this libavformat cannot read such files ({})", demuxer_of(kind));
  AVFormatContext* format = avformat_alloc_context();
  if (format == nullptr) throw std::bad_alloc();
  format->pb = file_.io();
  format->flags |= AVFMT_FLAG_CUSTOM_IO;
  // Files that a file refers to are never opened.
  format->io_open = [](AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EPERM); };
  Options options;
  options.set("protocol_whitelist", "file");
  options.set("format_whitelist", demuxer_of(kind));
  options.set("codec_whitelist", decoder_names());
  const int opened = avformat_open_input(&format, "", demuxer, options.get());  // frees `format` if it fails
  if (opened < 0) fail_damaged(opened);
  format_.reset(format);
  choose_stream();

  const AVCodec& codec = decoder_for(stream_->codecpar->codec_id);
  decoder_ = av_owned(avcodec_alloc_context3(&codec));
  if (avcodec_parameters_to_context(decoder_.get(), stream_->codecpar) < 0) throw std::bad_alloc();
  decoder_->pkt_timebase = stream_->time_base;
  decoder_->thread_count = kClipThreads;
  open_decoder(codec);
}

// The first video that is no cover picture. The others, and sound, are not even split into packets.
void MediaDecoder::choose_stream() {
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    AVStream& stream = *format_->streams[i];
    const bool is_video = stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
                          (stream.disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS)) == 0;
    if (is_video && stream_ == nullptr)
      stream_ = &stream;
    else
      stream.discard = AVDISCARD_ALL;
  }
  if (stream_ == nullptr) refuse("has no video in it");
  const AVCodecParameters& codec = *stream_->codecpar;
  decoder_for(codec.codec_id);
  if (codec.width != 0 || codec.height != 0) check_size({codec.width, codec.height});

  // How far pictures are out of order is seen only in the pictures themselves.
  std::vector<Options> options(format_->nb_streams);
  std::vector<AVDictionary*> dictionaries;
  for (Options& each : options) {
    each.set("max_pixels", std::to_string(kMaxPixels));
    each.set("threads", "1");
    dictionaries.push_back(*each.get());
  }
  const int found = avformat_find_stream_info(format_.get(), dictionaries.data());
  for (std::size_t i = 0; i < options.size(); ++i) *options[i].get() = dictionaries[i];
  if (found < 0) fail_damaged(found);
}

const AVCodec& MediaDecoder::decoder_for(AVCodecID id) const {
  for (const Codec& known : kCodecs) {
    if (known.id != id) continue;
    const AVCodec* codec = avcodec_find_decoder_by_name(known.decoder);
    if (codec == nullptr) refuse("this libavcodec has no decoder {}", known.decoder);
    return *codec;
  }
  refuse("its video is coded as {}; expected H.264, HEVC, AV1, VP8, VP9, MPEG-4, MJPEG, ProRes, FFV1, PNG or raw",
         avcodec_get_name(id));
}

void MediaDecoder::open_decoder(const AVCodec& codec) {
  decoder_->max_pixels = kMaxPixels;
  // A damaged picture is an error and not a grey patch.
  decoder_->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
  decoder_->error_concealment = 0;
  const int opened = avcodec_open2(decoder_.get(), &codec, nullptr);
  if (opened < 0) fail_damaged(opened);
}

AVFrame* MediaDecoder::next() {
  while (true) {
    check_interrupted();
    const int received = avcodec_receive_frame(decoder_.get(), frame_.get());
    if (received >= 0) break;
    if (received == AVERROR_EOF) return nullptr;
    if (received != AVERROR(EAGAIN)) fail_damaged(received);
    send_packet();
  }
  check_frame();
  return frame_.get();
}

// 0, or AVERROR_EOF once all has been read.
int MediaDecoder::read_packet() {
  if (at_end_) return AVERROR_EOF;
  if (!is_picture()) return av_read_frame(format_.get(), packet_.get());
  at_end_ = true;
  const int allocated = av_new_packet(packet_.get(), static_cast<int>(file_.size()));
  if (allocated < 0) return allocated;
  const std::size_t bytes = static_cast<std::size_t>(packet_->size);
  return file_.read_at(0, {packet_->data, bytes}) == bytes ? 0 : AVERROR(EIO);
}

// The next packet of the video or, at the end, the request for what the decoder has held back.
void MediaDecoder::send_packet() {
  int read = 0;
  do {
    av_packet_unref(packet_.get());
    read = read_packet();
  } while (read >= 0 && stream_ != nullptr && packet_->stream_index != stream_->index);
  if (read < 0 && read != AVERROR_EOF) fail_damaged(read);
  if (read >= 0 && (packet_->flags & AV_PKT_FLAG_CORRUPT) != 0) fail_damaged(AVERROR_INVALIDDATA);
  at_end_ = at_end_ || read < 0;
  const int sent = avcodec_send_packet(decoder_.get(), read < 0 ? nullptr : packet_.get());
  if (sent < 0) fail_damaged(sent);
}

void MediaDecoder::check_frame() {
  const PixelSize size{frame_->width, frame_->height};
  if (frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0)
    fail_damaged(AVERROR_INVALIDDATA);
  if (frames_ == 0) {
    check_size(size);
    size_ = size;
  }
  if (size != size_)
    refuse("frame {} is {}x{} pixels large and the first one {}x{}; expected one size", frames_ + 1, size.width,
           size.height, size_.width, size_.height);
  const auto format = static_cast<AVPixelFormat>(frame_->format);
  if (sws_isSupportedInput(format) == 0)
    refuse("its pixels are {}, which cannot be converted to RGB", av_get_pix_fmt_name(format));
  // The other HDR curve, HLG, was made to look right without tone mapping.
  if (number_in(frame_->color_trc) == AVCOL_TRC_SMPTE2084)
    refuse("is HDR video (PQ), expected standard dynamic range; tone-map it first");
  if (frames_ == kMaxFrames) refuse("has more than {} frames; cut out the part that is needed", kMaxFrames);
  ++frames_;
}

void MediaDecoder::fail_damaged(int code) const {
  // ENOMEM too: files that claim gigabytes for a header are far more common than a lack of memory here.
  if (frames_ == 0) refuse("cannot be decoded: {}; the file is damaged or incomplete", av_error_text(code));
  refuse("cannot be decoded after frame {}: {}; the file is damaged or incomplete", frames_, av_error_text(code));
}

}  // namespace sora
