// The settings that a video of ours carries: moov / udta / meta / ilst / \xa9cmt / data, as iTunes lays tags out.
#include "media/mp4_metadata.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/output_name.h"
#include "base/text.h"
#include "media/file_kind.h"
#include "media/mp4_box.h"
#include "sora/error.h"

namespace sora {
namespace {

/// Bytes [begin, end) of a file.
struct Range {
  std::int64_t begin = 0, end = 0;
};

// The content of the first box of that name in `parent`. Nothing where a box would reach beyond its parent.
std::optional<Range> find_box(const InputFile& file, const Range& parent, std::string_view name) {
  constexpr int kMaxBoxes = 100'000;
  std::int64_t offset = parent.begin;
  for (int i = 0; i < kMaxBoxes && offset < parent.end; ++i) {
    const Mp4Box box = mp4_box_at(file, offset);
    const auto left = static_cast<std::uint64_t>(parent.end - offset);
    if (box.size < static_cast<std::uint64_t>(box.header_bytes) || box.size > left) return std::nullopt;
    const std::int64_t end = offset + static_cast<std::int64_t>(box.size);
    if (box.name == name) return Range{offset + box.header_bytes, end};
    offset = end;
  }
  return std::nullopt;
}

// Empty if there is none, or it is longer than ours would be.
std::string comment_of(const InputFile& file) {
  constexpr int kVersionBytes = 4;     // at the start of `meta`
  constexpr int kDataHeaderBytes = 8;  // of `data`: type and locale
  Range at{0, file.size()};
  for (const std::string_view name : {"moov", "udta", "meta", "ilst",
                                      "\xa9"
                                      "cmt",
                                      "data"}) {
    const std::optional<Range> found = find_box(file, at, name);
    if (!found) return "";
    at = *found;
    if (name == "meta") at.begin += kVersionBytes;
  }
  at.begin += kDataHeaderBytes;
  if (at.begin >= at.end || static_cast<std::uint64_t>(at.end - at.begin) > kMostMetadataBytes) return "";
  std::string text(static_cast<std::size_t>(at.end - at.begin), '\0');
  text.resize(file.read_at(at.begin, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}));
  return text;
}

}  // namespace

std::string read_mp4_metadata(const std::filesystem::path& video) {
  const InputFile file(video);
  const std::string name = shown(video);
  require(file_kind(file) == FileKind::mov, Fault::input,
          "{}: is no MP4; only these carry the settings they were made with", name);
  std::string comment = comment_of(file);
  require(
      comment.starts_with(kMetadataBegins), Fault::input,
      "{}: carries no settings of sora-gen: it was made by something else, with --no-metadata, or has lost its tags",
      name);
  return comment;
}

}  // namespace sora
