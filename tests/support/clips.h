// Pictures and clips that tests make: a small scene with something that moves, written without loss.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/files.h"

namespace sora::test {

using Rgb = std::vector<std::uint8_t>;  // RGB24, without padding

struct Film {
  int width = 0, height = 0;
  std::vector<Rgb> frames;
};

/// "A red ball drifts to the right over a green meadow, the camera pans right", as scripts/train/world.py draws it for
/// the shipped checkpoint, at 8 frames a second. Frames `first` and on; at half the `speed`, those show half the time.
inline Film meadow(int count, int side = 64, int first = 0, double speed = 1) {
  using Colour = std::array<double, 3>;
  const auto mix = [](const Colour& a, const Colour& b, double share) {
    Colour mixed{};
    for (std::size_t c = 0; c < 3; ++c) mixed[c] = a[c] + (b[c] - a[c]) * std::clamp(share, 0.0, 1.0);
    return mixed;
  };
  const auto colour = [&](double x, double y, double time) {
    const double depth = y - (0.25 + 0.10 * std::sin(2.1 * (x + 0.45 * time) + 5));
    const Colour sky = mix({0.45, 0.72, 0.95}, {0.80, 0.92, 0.99}, (y + 1) / 1.2);
    const Colour grass = mix({0.36, 0.66, 0.26}, {0.18, 0.45, 0.14}, depth / 0.8);
    const double left = x + 0.6 - 0.5 * time, above = y + 0.15, radius = 0.24;
    const double light = std::clamp(1.06 - 0.30 * (0.5 * left + above) / radius, 0.62, 1.25);
    const double outside = std::hypot(left, above) - radius;
    return mix(mix(sky, grass, 1 / (1 + std::exp(-60 * depth))),
               {std::min(1.0, 0.86 * light), 0.15 * light, 0.15 * light}, 0.5 - outside * side / 2);
  };
  Film film{side, side, {}};
  for (int frame = first; frame < first + count; ++frame) {
    Rgb rgb;
    for (int i = 0; i < side * side; ++i) {
      const double x = (i % side + 0.5) / side * 2 - 1, y = (i / side + 0.5) / side * 2 - 1;
      for (const double value : colour(x, y, speed * frame / 8)) {
        rgb.push_back(static_cast<std::uint8_t>(std::lround(255 * value)));
      }
    }
    film.frames.push_back(rgb);
  }
  return film;
}

/// One colour.
inline Film plain(int width, int height, std::array<std::uint8_t, 3> colour, int count = 1) {
  Rgb rgb;
  for (int i = 0; i < width * height; ++i) rgb.insert(rgb.end(), colour.begin(), colour.end());
  return {width, height, std::vector<Rgb>(static_cast<std::size_t>(count), rgb)};
}

namespace detail {

inline void require_libav(bool ok, const char* act) {
  if (!ok) throw std::runtime_error(std::string("libav cannot ") + act);
}

inline AVCodecContext* open_png(const Film& film, AVRational fps) {
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
  AVCodecContext* encoder = avcodec_alloc_context3(codec);
  encoder->width = film.width;
  encoder->height = film.height;
  encoder->pix_fmt = AV_PIX_FMT_RGB24;
  encoder->time_base = av_inv_q(fps);
  encoder->framerate = fps;
  encoder->thread_count = 1;
  require_libav(avcodec_open2(encoder, codec, nullptr) == 0, "open the PNG encoder");
  return encoder;
}

template <class Take>
void encode(const Film& film, AVCodecContext* encoder, const Take& take) {
  AVFrame* frame = av_frame_alloc();
  frame->width = film.width;
  frame->height = film.height;
  frame->format = AV_PIX_FMT_RGB24;
  require_libav(av_frame_get_buffer(frame, 0) == 0, "allocate a frame");
  AVPacket* packet = av_packet_alloc();
  const std::size_t row = 3 * static_cast<std::size_t>(film.width);
  for (std::size_t i = 0; i < film.frames.size(); ++i) {
    require_libav(av_frame_make_writable(frame) == 0, "write to a frame");
    for (int y = 0; y < film.height; ++y) {
      std::memcpy(frame->data[0] + y * frame->linesize[0], film.frames[i].data() + static_cast<std::size_t>(y) * row,
                  row);
    }
    frame->pts = static_cast<std::int64_t>(i);
    require_libav(avcodec_send_frame(encoder, frame) == 0, "encode a frame");
    require_libav(avcodec_receive_packet(encoder, packet) == 0, "encode a frame");
    packet->duration = 1;
    take(packet);
    av_packet_unref(packet);
  }
  av_packet_free(&packet);
  av_frame_free(&frame);
}

}  // namespace detail

/// The first frame as a PNG file.
inline std::filesystem::path write_picture(const std::filesystem::path& path, const Film& film) {
  AVCodecContext* encoder = detail::open_png(film, {1, 1});
  detail::encode({film.width, film.height, {film.frames.at(0)}}, encoder, [&](const AVPacket* packet) {
    write_file(path, {reinterpret_cast<const char*>(packet->data), static_cast<std::size_t>(packet->size)});
  });
  avcodec_free_context(&encoder);
  return path;
}

/// A QuickTime file of PNG pictures, which come back as they are.
inline std::filesystem::path write_clip(const std::filesystem::path& path, const Film& film, int fps = 8) {
  using detail::require_libav;
  AVCodecContext* encoder = detail::open_png(film, {fps, 1});
  AVFormatContext* file = nullptr;
  require_libav(avformat_alloc_output_context2(&file, nullptr, "mov", path.c_str()) >= 0, "make a clip");
  AVStream* stream = avformat_new_stream(file, nullptr);
  avcodec_parameters_from_context(stream->codecpar, encoder);
  stream->time_base = encoder->time_base;
  stream->avg_frame_rate = {fps, 1};
  require_libav(avio_open(&file->pb, path.c_str(), AVIO_FLAG_WRITE) >= 0, "open a clip");
  require_libav(avformat_write_header(file, nullptr) >= 0, "begin a clip");
  detail::encode(film, encoder, [&](AVPacket* packet) {
    av_packet_rescale_ts(packet, encoder->time_base, stream->time_base);
    require_libav(av_write_frame(file, packet) >= 0, "write a clip");
  });
  require_libav(av_write_trailer(file) == 0, "end a clip");
  avio_closep(&file->pb);
  avformat_free_context(file);
  avcodec_free_context(&encoder);
  return path;
}

// --- what came out ---

/// Mean difference of two frames, in levels of 255.
inline double difference(const Rgb& a, const Rgb& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(static_cast<int>(a[i]) - b.at(i));
  return sum / static_cast<double>(a.size());
}

inline double psnr(const Rgb& a, const Rgb& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b.at(i), 2);
  return sum == 0 ? 200 : 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / sum);
}

/// The usual difference of neighbours.
inline double median_difference(const std::vector<Rgb>& frames) {
  std::vector<double> all;
  for (std::size_t i = 1; i < frames.size(); ++i) all.push_back(difference(frames[i - 1], frames[i]));
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2), all.end());
  return all.at(all.size() / 2);
}

}  // namespace sora::test
