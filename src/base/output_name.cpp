// What an output's name means, and what can be refused about an output before anything is computed.
#include "base/output_name.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr int kWorstCrf = 51;
constexpr std::size_t kMostDigits = 9;

bool has_extension(const std::filesystem::path& path, std::string_view extension) {
  std::string found = path.extension().native();
  std::transform(found.begin(), found.end(), found.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return found == extension;
}

/// A place for a number in a file's name: %d, or %05d with `digits` 5.
struct Placeholder {
  std::size_t position = 0, length = 0, digits = 0;
};

// Nothing where there is no percent sign; Error{usage} where there is one that is no placeholder, or there are two.
std::optional<Placeholder> find_placeholder(const std::filesystem::path& path) {
  const std::string name = path.filename().native();
  const std::size_t percent = name.find('%');
  if (percent == std::string::npos) return std::nullopt;
  const std::size_t end = name.find_first_not_of("0123456789", percent + 1);
  const std::string width = name.substr(percent + 1, end == std::string::npos ? end : end - percent - 1);
  const bool number = end != std::string::npos && name[end] == 'd';
  const bool padded = width.size() == 2 && width[0] == '0' && width[1] != '0';
  require(number && (width.empty() || padded) && name.find('%', end) == std::string::npos, Fault::usage,
          "--output {}: a numbered name has exactly one %d, or %02d to %0{}d for numbers with leading zeros",
          shown(path), kMostDigits);
  return Placeholder{percent, end + 1 - percent, padded ? static_cast<std::size_t>(width[1] - '0') : 0};
}

void check_x264_options(const OutputOptions& options) {
  require(options.crf >= 0 && options.crf <= kWorstCrf, Fault::usage,
          "--crf {}: expected 0 (lossless) to {} (worst), 18 looks like the original", options.crf, kWorstCrf);
  if (std::find(kPresets.begin(), kPresets.end(), options.preset) != kPresets.end()) return;
  const std::string near = nearest(options.preset, {kPresets.begin(), kPresets.end()});
  fail(Fault::usage, "--preset {}: unknown{}; expected one of {}", printable(options.preset),
       near.empty() ? "" : " (did you mean " + near + "?)", fmt::join(kPresets, ", "));
}

void check_metadata(const std::string& metadata) {
  require(metadata.size() <= kMostMetadataBytes, Fault::usage,
          "prompts and settings are {} in all, of which an MP4 is to carry at most {}; --no-metadata leaves them out",
          human_bytes(static_cast<std::int64_t>(metadata.size())),
          human_bytes(static_cast<std::int64_t>(kMostMetadataBytes)));
  require(metadata.empty() || (metadata.starts_with(kMetadataBegins) && metadata.find('\0') == metadata.npos),
          Fault::bug, "metadata that could not be found again: {}", printable(metadata));
}

void refuse_stills(const OutputOptions& options) {
  if (!options.poster && !options.contact_sheet) return;
  fail(Fault::usage, "--{}: is a picture beside a video file such as x.mp4, and --output {} is none",
       options.poster ? "poster" : "contact-sheet", shown(options.path));
}

}  // namespace

OutputKind output_kind(const std::filesystem::path& path) {
  if (path == "null:") return OutputKind::null;
  if (path == "md5:") return OutputKind::md5;
  if (has_extension(path, ".mp4")) return OutputKind::mp4;
  if (has_extension(path, ".png")) return find_placeholder(path) ? OutputKind::png_sequence : OutputKind::png;
  fail(Fault::usage,
       "--output '{}': the name does not say what to write; use name.mp4, frame-%05d.png (a file for each frame), "
       "name.png "
       "(one frame), md5: (a checksum) or null: (nothing)",
       shown(path));
}

bool has_files(const std::filesystem::path& path) {
  const OutputKind kind = output_kind(path);
  return kind != OutputKind::null && kind != OutputKind::md5;
}

std::filesystem::path numbered_path(const std::filesystem::path& pattern, int number) {
  const std::optional<Placeholder> place = find_placeholder(pattern);
  require(place.has_value(), Fault::bug, "numbered_path({}): no placeholder", shown(pattern));
  std::string name = pattern.filename().native();
  name.replace(place->position, place->length, fmt::format("{:0{}}", number, place->digits));
  return pattern.parent_path() / name;
}

std::filesystem::path latents_folder(const std::filesystem::path& output) {
  return has_files(output) ? std::filesystem::path(output.native() + ".latents") : std::filesystem::path();
}

std::filesystem::path poster_path(const std::filesystem::path& video) {
  return std::filesystem::path(video).replace_extension(".poster.png");
}

std::filesystem::path contact_sheet_path(const std::filesystem::path& video) {
  return std::filesystem::path(video).replace_extension(".sheet.png");
}

void check_output(const OutputOptions& options, const PixelSize& size, int frame_count) {
  check_x264_options(options);
  const OutputKind kind = output_kind(options.path);
  if (kind != OutputKind::mp4) refuse_stills(options);
  switch (kind) {
    case OutputKind::mp4:
      check_metadata(options.metadata);
      require(size.width % 2 == 0 && size.height % 2 == 0, Fault::usage,
              "--size {}x{}: an MP4 needs an even width and height, because its colours have half the resolution",
              size.width, size.height);
      break;
    case OutputKind::png:
      require(
          frame_count == 1, Fault::usage,
          "--output {}: is the name of one frame, but there are {}; use a numbered name such as {}-%05d.png, or {}.mp4",
          shown(options.path), frame_count, shown(options.path.stem()), shown(options.path.stem()));
      break;
    case OutputKind::png_sequence:
    case OutputKind::null:
    case OutputKind::md5:
      break;
  }
}

}  // namespace sora
