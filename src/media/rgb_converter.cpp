// Decoded pictures of any pixel format as full-range 8-bit RGB, by the colours that they are tagged with.
#include "media/rgb_converter.h"

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <string_view>

#include "sora/error.h"

namespace sora {
namespace {

// Limited range for YUV that does not say, as players take it; the formats whose name begins with yuvj are JPEG's.
bool is_full_range(const AVFrame& frame, const AVPixFmtDescriptor& format) {
  const int range = number_in(frame.color_range);
  if (range != AVCOL_RANGE_UNSPECIFIED) return range == AVCOL_RANGE_JPEG;
  const bool is_yuv = (format.flags & AV_PIX_FMT_FLAG_RGB) == 0 && format.nb_components >= 3;
  return !is_yuv || std::string_view(format.name).starts_with("yuvj");
}

int matrix_of(const AVFrame& frame) {
  constexpr int kHighDefinition = 720;
  switch (number_in(frame.colorspace)) {
    case AVCOL_SPC_BT709:
      return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
      return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
      return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return SWS_CS_BT2020;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
      return SWS_CS_ITU601;
    default:
      return frame.height < kHighDefinition ? SWS_CS_ITU601 : SWS_CS_ITU709;
  }
}

/// Of the first chroma sample, in 1/256 of a pixel.
struct ChromaPosition {
  int x, y;
};

ChromaPosition position_of(int location) {
  constexpr int kMiddle = 128;
  switch (location) {
    case AVCHROMA_LOC_CENTER:
      return {kMiddle, kMiddle};
    case AVCHROMA_LOC_TOPLEFT:
      return {0, 0};
    case AVCHROMA_LOC_TOP:
      return {kMiddle, 0};
    case AVCHROMA_LOC_BOTTOMLEFT:
      return {0, 2 * kMiddle};
    case AVCHROMA_LOC_BOTTOM:
      return {kMiddle, 2 * kMiddle};
    default:
      return {0, kMiddle};  // left, as all codecs since MPEG-2 have it
  }
}

int round_up(int size, int log2_step) { return ((size - 1) >> log2_step << log2_step) + (1 << log2_step); }

void set_option(SwsContext& converter, const char* name, std::int64_t value) {
  av_checked(av_opt_set_int(&converter, name, value, 0), std::string("set the option ") + name);
}

}  // namespace

RgbConverter::Source RgbConverter::source_of(const AVFrame& frame) {
  const AVPixFmtDescriptor& format = *av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  return {frame.width,
          frame.height,
          frame.format,
          matrix_of(frame),
          number_in(frame.chroma_location),
          is_full_range(frame, format)};
}

void RgbConverter::configure(const Source& source) {
  const auto format = static_cast<AVPixelFormat>(source.format);
  const AVPixFmtDescriptor& description = *av_pix_fmt_desc_get(format);
  const PixelSize size{round_up(source.width, description.log2_chroma_w),
                       round_up(source.height, description.log2_chroma_h)};
  converter_ = av_owned(sws_alloc_context());
  SwsContext& converter = *converter_;
  set_option(converter, "srcw", size.width);
  set_option(converter, "srch", size.height);
  set_option(converter, "dstw", size.width);
  set_option(converter, "dsth", size.height);
  set_option(converter, "src_format", format);
  set_option(converter, "dst_format", AV_PIX_FMT_RGB24);
  // FULL_CHR_H_INT: a colour for every pixel and not for every second one. BICUBIC comes closer than swscale's BILINEAR
  // to the triangles of libjpeg and libwebp. BITEXACT: the same on every CPU.
  set_option(converter, "sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_BITEXACT);
  const ChromaPosition chroma = position_of(source.chroma_location);
  if (description.log2_chroma_w > 0) set_option(converter, "src_h_chr_pos", chroma.x);
  if (description.log2_chroma_h > 0) set_option(converter, "src_v_chr_pos", chroma.y);
  av_checked(sws_init_context(&converter, nullptr, nullptr), "convert to RGB");
  constexpr int kOne = 1 << 16;
  const int* matrix = sws_getCoefficients(source.matrix);
  // RGB has no matrix: then this call does nothing, and says so.
  sws_setColorspaceDetails(&converter, matrix, source.full_range ? 1 : 0, matrix, 1, 0, kOne, kOne);
  rgb_ = make_frame(size, AV_PIX_FMT_RGB24);
  const bool is_whole = size == PixelSize{source.width, source.height};
  padded_ = is_whole ? nullptr : make_frame(size, format);
  source_ = source;
}

std::vector<std::uint8_t> RgbConverter::operator()(const AVFrame& frame) {
  const Source source = source_of(frame);
  if (source != source_ || !converter_) configure(source);
  const AVFrame* in = &frame;
  if (padded_) {
    av_image_copy(padded_->data, padded_->linesize, const_cast<const std::uint8_t**>(frame.data), frame.linesize,
                  static_cast<AVPixelFormat>(frame.format), frame.width, frame.height);
    in = padded_.get();
  }
  av_checked(sws_scale(converter_.get(), in->data, in->linesize, 0, rgb_->height, rgb_->data, rgb_->linesize),
             "convert a picture to RGB");
  std::vector<std::uint8_t> result(std::size_t{3} * frame.width * frame.height);
  const int row = 3 * frame.width;
  av_image_copy_plane(result.data(), row, rgb_->data[0], rgb_->linesize[0], row, frame.height);
  return result;
}

}  // namespace sora
