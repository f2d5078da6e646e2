// What a file is, by its first bytes and never by its name; and how large a picture file says it is.
#include "media/file_kind.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/text.h"
#include "media/header_bytes.h"
#include "sora/error.h"

namespace sora {
namespace {

using namespace std::string_view_literals;

// PNG's and BMP's 32 bits can hold more than an int; no picture does.
PixelSize size_of(std::uint32_t width, std::uint32_t height) {
  constexpr std::uint32_t kMost = 1U << 30;
  return {static_cast<int>(std::min(width, kMost)), static_cast<int>(std::min(height, kMost))};
}

PixelSize bmp_size(const HeaderBytes<32>& header) {
  constexpr int kOldHeaderBytes = 12;
  if (header.little(14, 4) == kOldHeaderBytes) return {header.little(18, 2), header.little(20, 2)};
  const int height = header.little(22, 4);  // negative: the rows stand from top to bottom
  return size_of(header.little(18, 4), height < 0 ? 0U - height : height);
}

std::optional<PixelSize> webp_size(const HeaderBytes<32>& header) {
  constexpr int kFourteenBits = 0x3fff;
  if (header.has(12, "VP8X")) return PixelSize{header.little(24, 3) + 1, header.little(27, 3) + 1};
  if (header.has(12, "VP8 ") && header.has(23, "\x9d\x01\x2a"))
    return PixelSize{header.little(26, 2) & kFourteenBits, header.little(28, 2) & kFourteenBits};
  if (!header.has(12, "VP8L") || !header.has(20, "\x2f")) return std::nullopt;
  const int bits = header.little(21, 4);
  return PixelSize{(bits & kFourteenBits) + 1, (bits >> 14 & kFourteenBits) + 1};
}

std::optional<PixelSize> jpeg_size(const InputFile& file) {
  const std::optional<std::int64_t> offset = jpeg_frame_header(file);
  if (!offset) return std::nullopt;
  const HeaderBytes<9> frame(file, *offset);
  return PixelSize{frame.big(7, 2), frame.big(5, 2)};
}

// Phones write these; libav 5 cannot read them.
bool is_heif(const HeaderBytes<32>& header) {
  constexpr std::array kBrands{"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv,
                               "hevx"sv, "mif1"sv, "msf1"sv, "avif"sv, "avis"sv};
  return header.has(4, "ftyp") &&
         std::any_of(kBrands.begin(), kBrands.end(), [&](std::string_view brand) { return header.has(8, brand); });
}

bool is_mov(const HeaderBytes<32>& header) {
  constexpr std::array kBoxes{"ftyp"sv, "moov"sv, "mdat"sv, "free"sv, "skip"sv, "wide"sv, "pnot"sv};
  return std::any_of(kBoxes.begin(), kBoxes.end(), [&](std::string_view box) { return header.has(4, box); });
}

}  // namespace

// Segment by segment to SOF0 ... SOF15; DHT, JPG and DAC have numbers between these.
std::optional<std::int64_t> jpeg_frame_header(const InputFile& file) {
  constexpr int kMaxSegments = 10'000, kStartOfScan = 0xda;
  std::int64_t offset = 2;
  for (int i = 0; i < kMaxSegments; ++i) {
    const HeaderBytes<4> segment(file, offset);
    if (segment.count < segment.values.size() || segment.values[0] != 0xff) return std::nullopt;
    const int marker = segment.values[1];
    const bool is_frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (is_frame) return offset;
    if (marker == kStartOfScan) return std::nullopt;
    offset += marker == 0xff ? 1 : 2 + segment.big(2, 2);  // FF FF: a fill byte
  }
  return std::nullopt;
}

bool is_picture(FileKind kind) {
  return kind == FileKind::png || kind == FileKind::jpeg || kind == FileKind::webp || kind == FileKind::bmp;
}

const char* demuxer_of(FileKind kind) {
  switch (kind) {
    case FileKind::gif:
      return "gif";
    case FileKind::mov:
      return "mov";
    case FileKind::matroska:
      return "matroska";
    case FileKind::avi:
      return "avi";
    case FileKind::png:
    case FileKind::jpeg:
    case FileKind::webp:
    case FileKind::bmp:
      break;
  }
  fail(Fault::bug, "a picture file needs no demuxer");
}

FileKind file_kind(const InputFile& file) {
  const HeaderBytes<32> header(file, 0);
  constexpr auto kExpected = "expected PNG, JPEG, WebP, BMP, GIF, MP4, MOV, MKV, WebM or AVI";
  require(!is_heif(header), Fault::input, "{}: is a HEIF or AVIF picture, which cannot be read; {}", shown(file.path()),
          kExpected);
  if (header.has(0, "\x89PNG\r\n\x1a\n")) return FileKind::png;
  if (header.has(0, "\xff\xd8\xff")) return FileKind::jpeg;
  if (header.has(0, "RIFF") && header.has(8, "WEBP")) return FileKind::webp;
  if (header.has(0, "RIFF") && header.has(8, "AVI ")) return FileKind::avi;
  if (header.has(0, "GIF87a") || header.has(0, "GIF89a")) return FileKind::gif;
  if (header.has(0, "\x1a\x45\xdf\xa3")) return FileKind::matroska;
  if (is_mov(header)) return FileKind::mov;
  if (header.has(0, "BM")) return FileKind::bmp;
  fail(Fault::input, "{}: is no picture or clip that can be read: it begins with \"{}\"; {}", shown(file.path()),
       printable(header.text().substr(0, 16)), kExpected);
}

std::optional<PixelSize> declared_size(const InputFile& file, FileKind kind) {
  const HeaderBytes<32> header(file, 0);
  switch (kind) {
    case FileKind::png:
      return size_of(header.big(16, 4), header.big(20, 4));
    case FileKind::jpeg:
      return jpeg_size(file);
    case FileKind::webp:
      return webp_size(header);
    case FileKind::bmp:
      return bmp_size(header);
    case FileKind::gif:
    case FileKind::mov:
    case FileKind::matroska:
    case FileKind::avi:
      break;
  }
  return std::nullopt;
}

bool is_animated_webp(const InputFile& file) {
  constexpr int kAnimation = 0x02;
  const HeaderBytes<32> header(file, 0);
  return header.has(8, "WEBPVP8X") && (header.little(20, 1) & kAnimation) != 0;
}

}  // namespace sora
