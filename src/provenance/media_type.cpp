#include "provenance/media_type.h"

#include <algorithm>
#include <array>

namespace sora {
namespace {

using namespace std::string_view_literals;

struct Kind {
  std::string_view type;
  std::size_t at;
  std::string_view bytes;
};

// The first that fits; a file of boxes begins with the size of its box "ftyp", which names the brand.
constexpr std::array kKinds{
    Kind{"image/png", 0, "\x89PNG\r\n\x1a\n"sv},
    Kind{"image/jpeg", 0, "\xff\xd8\xff"sv},
    Kind{"image/gif", 0, "GIF8"sv},
    Kind{"image/tiff", 0, "II*\0"sv},
    Kind{"image/tiff", 0, "MM\0*"sv},
    Kind{"image/bmp", 0, "BM"sv},
    Kind{"video/x-matroska", 0, "\x1a\x45\xdf\xa3"sv},
    Kind{"image/webp", 8, "WEBP"sv},
    Kind{"video/x-msvideo", 8, "AVI "sv},
    Kind{"image/avif", 4, "ftypavif"sv},
    Kind{"image/avif", 4, "ftypavis"sv},
    Kind{"image/heic", 4, "ftypheic"sv},
    Kind{"image/heic", 4, "ftypheix"sv},
    Kind{"image/heif", 4, "ftypmif1"sv},
    Kind{"video/quicktime", 4, "ftypqt  "sv},
    Kind{"video/mp4", 4, "ftyp"sv},
};

constexpr std::array kSigned{"image/png"sv,  "image/jpeg"sv,      "image/gif"sv,  "image/tiff"sv,
                             "image/webp"sv, "video/x-msvideo"sv, "image/avif"sv, "image/heic"sv,
                             "image/heif"sv, "video/quicktime"sv, "video/mp4"sv};

}  // namespace

std::string media_type_of(std::string_view first_bytes) {
  const auto fits = [&](const Kind& kind) {
    return first_bytes.size() >= kind.at && first_bytes.substr(kind.at).starts_with(kind.bytes);
  };
  const auto found = std::find_if(kKinds.begin(), kKinds.end(), fits);
  return found == kKinds.end() ? "application/octet-stream" : std::string(found->type);
}

bool can_have_manifest(std::string_view type) {
  return std::find(kSigned.begin(), kSigned.end(), type) != kSigned.end();
}

}  // namespace sora
