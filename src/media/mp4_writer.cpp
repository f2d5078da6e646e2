// Frames to H.264 in MP4: BT.709, 4:2:0, the same bytes however many cores there are.
#include "media/mp4_writer.h"

extern "C" {
#include <libavutil/opt.h>
}

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sora/error.h"

namespace sora {
namespace {

// x264's bytes depend on the number of its threads: its search range, its direct prediction and its rate control look
// at what other threads have finished. They do not depend on the number of cores that run these threads. Of a small
// picture each thread would see too little.
constexpr int kMostThreads = 4, kRowsAThread = 128;
int encoder_threads(const PixelSize& size) { return std::clamp(size.height / kRowsAThread, 1, kMostThreads); }

// The frames that presets look ahead, and so keep in memory, are meant for fast video. Of a slower one, a second.
struct Lookahead {
  std::string_view preset;
  int frames;
};
constexpr std::array<Lookahead, 7> kLookaheads{
    {{"veryfast", 10}, {"faster", 20}, {"fast", 30}, {"medium", 40}, {"slow", 50}, {"slower", 60}, {"veryslow", 60}}};

// Nothing for presets that do not look ahead, and for the one that is to do its utmost.
std::optional<int> lookahead(const std::string& preset, const Rational& fps) {
  for (const Lookahead& each : kLookaheads) {
    if (each.preset == preset) return std::min(each.frames, static_cast<int>(std::ceil(fps.value())));
  }
  return std::nullopt;
}

constexpr double kKeyframeSeconds = 5;
constexpr int kLongestGop = 250;

AVRational rational(const Rational& r) { return {r.numerator, r.denominator}; }

void set_option(void* object, const char* name, const std::string& value) {
  av_checked(av_opt_set(object, name, value.c_str(), 0), std::string("set the option ") + name + " to " + value);
}

void set_option(void* object, const char* name, std::int64_t value) {
  av_checked(av_opt_set_int(object, name, value, 0), std::string("set the option ") + name);
}

// Full-range RGB to limited-range YUV by BT.709. Tags alone would not do it: swscale's default is BT.601.
AvPtr<SwsContext> make_converter(const PixelSize& size) {
  AvPtr<SwsContext> converter = av_owned(sws_alloc_context());
  set_option(converter.get(), "srcw", size.width);
  set_option(converter.get(), "srch", size.height);
  set_option(converter.get(), "dstw", size.width);
  set_option(converter.get(), "dsth", size.height);
  set_option(converter.get(), "src_format", AV_PIX_FMT_RGB24);
  set_option(converter.get(), "dst_format", AV_PIX_FMT_YUV420P);
  // BITEXACT: the same on every CPU. FULL_CHR_H_INP: chroma from all pixels, not from every second one. BILINEAR,
  // unlike BICUBIC, does not overshoot at coloured edges.
  set_option(converter.get(), "sws_flags", SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_BITEXACT);
  // Where H.264 has its chroma samples ("left"), in 1/256 of a pixel: on the left column, between two rows.
  set_option(converter.get(), "dst_h_chr_pos", 0);
  set_option(converter.get(), "dst_v_chr_pos", 128);
  av_checked(sws_init_context(converter.get(), nullptr, nullptr), "convert RGB to YUV");
  const int* bt709 = sws_getCoefficients(SWS_CS_ITU709);
  constexpr int kOne = 1 << 16;
  av_checked(sws_setColorspaceDetails(converter.get(), bt709, 1, bt709, 0, 0, kOne, kOne), "convert RGB by BT.709");
  return converter;
}

}  // namespace

AvPtr<AVCodecContext> open_x264(const OutputOptions& options, const PixelSize& size, const Rational& fps) {
  const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
  require(codec != nullptr, Fault::output, "this libavcodec has no libx264; Debian's package libavcodec59 has it");
  AvPtr<AVCodecContext> encoder = av_owned(avcodec_alloc_context3(codec));
  encoder->width = size.width;
  encoder->height = size.height;
  encoder->pix_fmt = AV_PIX_FMT_YUV420P;
  encoder->framerate = rational(fps);
  encoder->time_base = av_inv_q(encoder->framerate);
  encoder->sample_aspect_ratio = {1, 1};
  encoder->gop_size = std::clamp(static_cast<int>(std::lround(fps.value() * kKeyframeSeconds)), 1, kLongestGop);
  encoder->color_primaries = AVCOL_PRI_BT709;
  encoder->color_trc = AVCOL_TRC_BT709;
  encoder->colorspace = AVCOL_SPC_BT709;
  encoder->color_range = AVCOL_RANGE_MPEG;
  encoder->chroma_sample_location = AVCHROMA_LOC_LEFT;
  encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  set_option(encoder->priv_data, "preset", options.preset);
  set_option(encoder->priv_data, "crf", std::to_string(options.crf));
  if (const auto frames = lookahead(options.preset, fps))
    set_option(encoder->priv_data, "rc-lookahead", static_cast<std::int64_t>(*frames));
  encoder->thread_count = encoder_threads(size);
  av_checked(avcodec_open2(encoder.get(), codec, nullptr),
             fmt::format("open libx264 for {}x{} at {}/{} frames per second", size.width, size.height, fps.numerator,
                         fps.denominator));
  return encoder;
}

Mp4Writer::Mp4Writer(const OutputOptions& options, const PixelSize& size, const Rational& fps, int frame_count,
                     const FileOps& ops, Seal seal)
    : check_(size, frame_count),
      file_(options, ops, std::move(seal)),
      encoder_(open_x264(options, size, fps)),
      converter_(make_converter(size)),
      rgb_(make_frame(size, AV_PIX_FMT_RGB24)),
      yuv_(make_frame(size, AV_PIX_FMT_YUV420P)),
      packet_(av_owned(av_packet_alloc())) {
  file_.begin(*encoder_, options.metadata);
}

void Mp4Writer::write(const Frames& frames) {
  check_.accept(frames);
  for (int i = 0; i < frames.count; ++i) {
    copy_rgb(frames.rgb.data() + i * check_.frame_bytes(), *rgb_);
    // The encoder may still hold the last picture.
    file_.checked(av_frame_make_writable(yuv_.get()), "allocate a frame");
    file_.checked(sws_scale(converter_.get(), rgb_->data, rgb_->linesize, 0, rgb_->height, yuv_->data, yuv_->linesize),
                  "convert a frame");
    yuv_->pts = frames_in_++;
    encode(yuv_.get());
  }
}

void Mp4Writer::finish() {
  check_.require_complete();
  encode(nullptr);
  require(packets_out_ == frames_in_, Fault::output, "the video encoder returned {} of {} frames", packets_out_,
          frames_in_);
  file_.finish();
}

// A null frame is the end: the encoder then gives out what it has held back, which can be a whole short video.
void Mp4Writer::encode(const AVFrame* frame) {
  file_.checked(avcodec_send_frame(encoder_.get(), frame), "encode a frame");
  while (true) {
    const int received = avcodec_receive_packet(encoder_.get(), packet_.get());
    if (received == AVERROR(EAGAIN) || received == AVERROR_EOF) return;
    file_.checked(received, "encode a frame");
    packet_->duration = 1;
    file_.write(*packet_);
    ++packets_out_;
  }
}

}  // namespace sora
