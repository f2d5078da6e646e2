// Whether a file ends where its outermost structure says.
#include "media/completeness.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <vector>

#include "media/header_bytes.h"
#include "media/mp4_box.h"

namespace sora {
namespace {

using namespace std::string_view_literals;

// RIFF <size> ...: WebP, and AVI up to 1 GB (the rest follows in further RIFFs).
bool riff_ends(const InputFile& file) {
  constexpr std::int64_t kHeader = 8, kUnknown = 0xffffffff;
  const std::int64_t size = static_cast<std::uint32_t>(HeaderBytes<8>(file, 0).little(4, 4));
  return size == kUnknown || kHeader + size <= file.size();
}

// The first end mark (FF D9) after the frame header at `offset`: before it there may be that of a thumbnail, and after
// it anything. In a picture's own data FF stands before a marker only.
bool jpeg_ends(const InputFile& file, std::int64_t offset) {
  std::vector<std::uint8_t> block(1 << 16);
  while (true) {
    const std::size_t count = file.read_at(offset, block);
    const std::string_view bytes(reinterpret_cast<const char*>(block.data()), count);
    if (bytes.find("\xff\xd9") != bytes.npos) return true;
    if (count < block.size()) return false;
    offset += static_cast<std::int64_t>(count) - 1;
  }
}

// A GIF ends with a semicolon; some writers add zeros.
bool gif_ends(const InputFile& file) {
  constexpr std::size_t kTail = 4096;
  std::array<std::uint8_t, kTail> tail{};
  const std::size_t count = file.read_at(std::max<std::int64_t>(0, file.size() - std::int64_t{kTail}), tail);
  const auto last = std::find_if(tail.rend() - count, tail.rend(), [](std::uint8_t byte) { return byte != 0; });
  return last != tail.rend() && *last == ';';
}

/// A number of EBML's: the zeros in front of its first bit tell how many bytes it has.
struct EbmlNumber {
  int bytes = 0;
  std::uint64_t value = 0;
  bool unknown = false;  ///< all bits are set: the size of what was written as a stream
};

EbmlNumber ebml_number(const InputFile& file, std::int64_t offset) {
  const HeaderBytes<8> header(file, offset);
  EbmlNumber number{.bytes = std::countl_zero(header.values[0]) + 1};
  if (number.bytes > 8) return number;
  number.value = header.values[0] & (0xffU >> number.bytes);
  for (int i = 1; i < number.bytes; ++i) number.value = number.value << 8 | header.values[i];
  number.unknown = number.value == (std::uint64_t{1} << 7 * number.bytes) - 1;
  return number;
}

// EBML header, then one Segment with all that matters.
bool matroska_ends(const InputFile& file) {
  constexpr int kIdBytes = 4;
  const std::uint64_t file_size = file.size();
  const EbmlNumber header = ebml_number(file, kIdBytes);
  if (header.value > file_size) return false;
  const std::int64_t segment = kIdBytes + header.bytes + static_cast<std::int64_t>(header.value);
  if (!HeaderBytes<4>(file, segment).has(0, "\x18\x53\x80\x67")) return true;  // libav's business
  const EbmlNumber size = ebml_number(file, segment + kIdBytes);
  const std::uint64_t begin = segment + kIdBytes + size.bytes;
  return size.unknown || (begin <= file_size && size.value <= file_size - begin);
}

bool mov_ends(const InputFile& file) {
  constexpr int kMaxBoxes = 100'000;
  constexpr std::array kKnown{"ftyp"sv, "moov"sv, "mdat"sv, "free"sv, "skip"sv, "wide"sv, "pnot"sv,
                              "uuid"sv, "meta"sv, "moof"sv, "mfra"sv, "sidx"sv, "styp"sv};
  std::int64_t offset = 0;
  for (int i = 0; i < kMaxBoxes && offset < file.size(); ++i) {
    const Mp4Box box = mp4_box_at(file, offset);
    // Unknown: something that was added at the end.
    if (std::find(kKnown.begin(), kKnown.end(), box.name) == kKnown.end()) return true;
    if (box.size > static_cast<std::uint64_t>(file.size() - offset)) return false;
    offset += static_cast<std::int64_t>(std::max<std::uint64_t>(box.size, 8));
  }
  return true;
}

}  // namespace

bool is_complete(const InputFile& file, FileKind kind) {
  switch (kind) {
    case FileKind::jpeg:
      return jpeg_ends(file, jpeg_frame_header(file).value_or(file.size()));
    case FileKind::webp:
    case FileKind::avi:
      return riff_ends(file);
    case FileKind::gif:
      return gif_ends(file);
    case FileKind::mov:
      return mov_ends(file);
    case FileKind::matroska:
      return matroska_ends(file);
    case FileKind::png:
    case FileKind::bmp:
      break;
  }
  return true;
}

}  // namespace sora
