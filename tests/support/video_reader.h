// A video file or picture read back with libav, as a player would: every frame as RGB, and what the file says of
// itself.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace sora::test {

struct Video {
  AVStream stream{};          ///< only for its plain numbers
  AVCodecParameters codec{};  ///< likewise
  double duration = 0;        ///< of the whole file, in seconds
  std::string encoder, comment, creation_time;
  std::vector<std::int64_t> timestamps;  ///< of the frames, in stream.time_base
  std::vector<AVPictureType> types;
  std::vector<std::vector<std::uint8_t>> frames;  ///< RGB24, without padding
};

namespace detail {

inline int checked(int code, const char* act) {
  if (code < 0) throw std::runtime_error(std::string("libav cannot ") + act);
  return code;
}

// The colours by which the file says it is coded, to full-range RGB.
inline std::vector<std::uint8_t> to_rgb(const AVFrame& frame) {
  SwsContext* converter =
      sws_getContext(frame.width, frame.height, static_cast<AVPixelFormat>(frame.format), frame.width, frame.height,
                     AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr, nullptr, nullptr);
  const int* matrix = sws_getCoefficients(frame.colorspace);
  sws_setColorspaceDetails(converter, matrix, frame.color_range == AVCOL_RANGE_JPEG, matrix, 1, 0, 1 << 16, 1 << 16);
  const int row = 3 * frame.width, padded = row + 64;  // swscale writes past the end of a row
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(padded) * frame.height + 64);
  std::uint8_t* const planes[] = {picture.data()};
  checked(sws_scale(converter, frame.data, frame.linesize, 0, frame.height, planes, &padded), "convert to RGB");
  sws_freeContext(converter);
  std::vector<std::uint8_t> rgb;
  for (int y = 0; y < frame.height; ++y) rgb.insert(rgb.end(), &picture[y * padded], &picture[y * padded] + row);
  return rgb;
}

inline std::string tag(const AVFormatContext& file, const char* name) {
  const AVDictionaryEntry* entry = av_dict_get(file.metadata, name, nullptr, 0);
  return entry == nullptr ? "" : entry->value;
}

}  // namespace detail

inline Video read_video(const std::filesystem::path& path) {
  using detail::checked;
  AVFormatContext* file = nullptr;
  checked(avformat_open_input(&file, path.c_str(), nullptr, nullptr), "open the video");
  checked(avformat_find_stream_info(file, nullptr), "find the video's streams");
  if (file->nb_streams != 1) throw std::runtime_error("the video has not one stream");
  const AVStream& stream = *file->streams[0];
  AVCodecContext* decoder = avcodec_alloc_context3(avcodec_find_decoder(stream.codecpar->codec_id));
  checked(avcodec_parameters_to_context(decoder, stream.codecpar), "configure the decoder");
  decoder->err_recognition = AV_EF_EXPLODE;
  checked(avcodec_open2(decoder, nullptr, nullptr), "open the decoder");

  Video video;
  video.stream = stream;
  video.codec = *stream.codecpar;
  video.duration = static_cast<double>(file->duration) / AV_TIME_BASE;
  video.encoder = detail::tag(*file, "encoder");
  video.comment = detail::tag(*file, "comment");
  video.creation_time = detail::tag(*file, "creation_time");
  AVPacket* packet = av_packet_alloc();
  AVFrame* frame = av_frame_alloc();
  for (bool more = true; more;) {
    more = av_read_frame(file, packet) >= 0;
    checked(avcodec_send_packet(decoder, more ? packet : nullptr), "decode a packet");
    av_packet_unref(packet);
    while (avcodec_receive_frame(decoder, frame) >= 0) {
      video.timestamps.push_back(frame->pts);
      video.types.push_back(frame->pict_type);
      video.frames.push_back(detail::to_rgb(*frame));
      video.codec.chroma_location = frame->chroma_location;
    }
  }
  av_frame_free(&frame);
  av_packet_free(&packet);
  avcodec_free_context(&decoder);
  avformat_close_input(&file);
  return video;
}

}  // namespace sora::test
