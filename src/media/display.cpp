// How a decoded picture is to be shown: which way up, and how wide its pixels are.
#include "media/display.h"

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace sora {
namespace {

// The longer side grows, so that no detail is lost.
PixelSize with_square_pixels(const PixelSize& size, AVRational aspect) {
  if (aspect.num <= 0 || aspect.den <= 0) return size;
  const auto grown = [](int side, int by, int over) {
    return static_cast<int>(std::min<std::int64_t>((std::int64_t{side} * by + over / 2) / over, 1 << 30));
  };
  if (aspect.num > aspect.den) return {grown(size.width, aspect.num, aspect.den), size.height};
  return {size.width, grown(size.height, aspect.den, aspect.num)};
}

const std::int32_t* stream_matrix(const AVStream& stream) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  const AVPacketSideData* data = av_packet_side_data_get(
      stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
  const bool is_whole = data != nullptr && data->size >= 9 * sizeof(std::int32_t);
  return is_whole ? reinterpret_cast<const std::int32_t*>(data->data) : nullptr;
#else
  std::size_t size = 0;
  const std::uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  return data != nullptr && size >= 9 * sizeof(std::int32_t) ? reinterpret_cast<const std::int32_t*>(data) : nullptr;
#endif
}

}  // namespace

// A point (x, y) goes to (a·x + c·y, b·x + d·y); the matrix is a b u, c d v, x y w.
std::optional<Orientation> orientation_of(std::span<const std::int32_t, 9> matrix) {
  const std::int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  if (a != 0 && d != 0 && b == 0 && c == 0) return Orientation{false, a < 0, d < 0};
  if (b != 0 && c != 0 && a == 0 && d == 0) return Orientation{true, c < 0, b < 0};
  return std::nullopt;
}

std::optional<Orientation> orientation_of(const AVFrame& frame, const AVStream* stream) {
  const AVFrameSideData* data = av_frame_get_side_data(&frame, AV_FRAME_DATA_DISPLAYMATRIX);
  const bool is_whole = data != nullptr && data->size >= 9 * sizeof(std::int32_t);
  const std::int32_t* matrix = is_whole ? reinterpret_cast<const std::int32_t*>(data->data) : nullptr;
  if (matrix == nullptr && stream != nullptr) matrix = stream_matrix(*stream);
  if (matrix == nullptr) return Orientation{};
  return orientation_of(std::span<const std::int32_t, 9>(matrix, 9));
}

Display::Display(const PixelSize& decoded, AVRational pixel_aspect, const Orientation& orientation)
    : decoded_(decoded), square_(with_square_pixels(decoded, pixel_aspect)), orientation_(orientation) {}

PixelSize Display::size() const { return orientation_.swaps_axes ? PixelSize{square_.height, square_.width} : square_; }

std::vector<std::uint8_t> Display::operator()(std::vector<std::uint8_t> rgb) const {
  if (square_ != decoded_) rgb = Resampler(decoded_, square_, Filter::lanczos)(rgb);
  if (orientation_ == Orientation{}) return rgb;
  const PixelSize shown = size();
  std::vector<std::uint8_t> result(rgb.size());
  std::uint8_t* out = result.data();
  for (int y = 0; y < shown.height; ++y) {
    for (int x = 0; x < shown.width; ++x, out += 3) {
      int from_x = orientation_.mirrors_x ? shown.width - 1 - x : x;
      int from_y = orientation_.mirrors_y ? shown.height - 1 - y : y;
      if (orientation_.swaps_axes) std::swap(from_x, from_y);
      std::copy_n(&rgb[3 * (static_cast<std::size_t>(square_.width) * from_y + from_x)], 3, out);
    }
  }
  return result;
}

}  // namespace sora
