#include "media/captions.h"

extern "C" {
#include <libavutil/dict.h>
}

#include <algorithm>
#include <array>
#include <string_view>

#include "base/output_name.h"
#include "media/media_decoder.h"

namespace sora {
namespace {

// As containers, PNG and EXIF call them; libav compares without regard to case. Who made it and with what is no
// caption.
constexpr std::array kTags{"title",   "subtitle", "subject", "description",     "synopsis",
                           "comment", "keywords", "caption", "ImageDescription"};

void add(std::vector<Caption>& captions, const AVDictionary* tags) {
  for (const char* tag : kTags) {
    const AVDictionaryEntry* const entry = av_dict_get(tags, tag, nullptr, 0);
    if (entry == nullptr || *entry->value == '\0') continue;
    const std::string_view text = entry->value;
    if (text.starts_with(kMetadataBegins)) continue;
    const bool known =
        std::any_of(captions.begin(), captions.end(), [&](const Caption& each) { return each.text == text; });
    if (!known) captions.push_back({tag, std::string(text)});
  }
}

}  // namespace

std::vector<Caption> read_captions(const std::filesystem::path& media) {
  MediaDecoder decoder(media);
  std::vector<Caption> captions;
  if (!decoder.is_picture()) {
    add(captions, decoder.format().metadata);
    add(captions, decoder.stream().metadata);
  }
  if (const AVFrame* const frame = decoder.next()) add(captions, frame->metadata);
  return captions;
}

}  // namespace sora
