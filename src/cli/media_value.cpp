#include "cli/media_value.h"

#include <charconv>
#include <optional>
#include <string_view>

namespace sora {
namespace {

constexpr int kMostFrames = 1'000'000;

std::optional<int> parse_frame(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool whole = error == std::errc() && stop == end && value >= -kMostFrames && value <= kMostFrames;
  return whole ? std::optional(value) : std::nullopt;
}

// "3-7" or "3"; empty if the text is something else: a file's name may have a # in it.
std::optional<FrameRange> parse_frames(std::string_view text) {
  const std::size_t dash = text.find('-');
  const std::optional<int> first = parse_frame(text.substr(0, dash));
  const std::optional<int> last = dash == text.npos ? first : parse_frame(text.substr(dash + 1));
  if (!first || !last || *first < 0 || *last < 0) return std::nullopt;
  return FrameRange{*first, *last - *first + 1};
}

}  // namespace

std::filesystem::path file_of(const Value& value) {
  if (value.text.empty()) value.fail_expected("a file name");
  return value.text;
}

Given given_of(const Value& value) {
  constexpr std::string_view kForm = "FILE@FRAME or FILE#FIRST-LAST@FRAME, such as cat.png@0 or clip.mp4#0-8@-9";
  const std::string_view text = value.text;
  const std::size_t at = text.rfind('@');
  const std::optional<int> frame = at == text.npos ? std::nullopt : parse_frame(text.substr(at + 1));
  if (!frame) value.fail_expected(kForm);
  std::string_view file = text.substr(0, at);
  const std::size_t hash = file.rfind('#');
  const std::optional<FrameRange> take = hash == file.npos ? std::nullopt : parse_frames(file.substr(hash + 1));
  if (take) file = file.substr(0, hash);
  if (file.empty() || (take && take->count < 1)) value.fail_expected(kForm);
  return {"--given", file, take, *frame};
}

SceneWish scene_of(const Value& value) {
  constexpr std::string_view kForm = "SECONDS: PROMPT, such as \"2.5: the ball stops\"";
  const std::size_t colon = value.text.find(':');
  if (colon == std::string::npos) value.fail_expected(kForm);
  const std::size_t prompt = value.text.find_first_not_of(" \t", colon + 1);
  return {Value{value.origin, value.text.substr(0, colon)}.positive(3600),
          prompt == std::string::npos ? "" : value.text.substr(prompt)};
}

}  // namespace sora
