#include "plan/wishes.h"

#include <fmt/format.h>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr std::size_t kShownPath = 200;

// Of --extend, --connect, --video and given frames only one says what the video is made from.
void refuse_two_sources(const Request& request) {
  const auto refuse = [](bool both, std::string_view first, std::string_view second, std::string_view why) {
    require(!both, Fault::usage, "{} and {}: {}", first, second, why);
  };
  refuse(request.extend && request.connect, "--extend", "--connect",
         "one goes on from a clip, the other leads from one clip to another; give one of them");
  refuse(request.extend && request.video, "--extend", "--video",
         "one goes on from a clip, the other changes it; give one of them");
  refuse(request.connect && request.video, "--connect", "--video",
         "one leads from one clip to another, the other changes one; give one of them");
  if (request.given.empty()) return;
  const std::string given = as_written(request.given.front());
  refuse(request.extend.has_value(), given, "--extend",
         "the clip is all that is given then; to lead it to an image, --connect CLIP IMAGE");
  refuse(request.connect.has_value(), given, "--connect",
         "both ends are given already; for more than two, --given takes each with its frame");
  refuse(request.video.has_value(), given, "--video", "all frames are given already; leave one of them out");
}

void refuse_idle_flags(const Request& request) {
  const bool clip_goes_on = request.extend || request.connect;
  require(!request.backward || request.extend, Fault::usage,
          "--backward: there is no clip to begin earlier; give it with --extend CLIP");
  require(!request.extend_frames || clip_goes_on, Fault::usage,
          "--extend-frames {}: counts the new frames of --extend or --connect, and neither is given",
          request.extend_frames.value_or(0));
  require(!request.frame_threshold || request.frame_checker, Fault::usage,
          "--frame-threshold {}: is for the scores of --frame-checker, which is not given",
          request.frame_threshold.value_or(0));
  require(!request.strength || request.video, Fault::usage,
          "--strength {}: says how much of --video is changed, and there is none", request.strength.value_or(0));
  if (request.mask) {
    const std::string mask = as_written("--mask", *request.mask);
    require(!clip_goes_on, Fault::usage, "{}: --{} keeps all pixels of its clips; a mask goes with --video or --given",
            mask, request.extend ? "extend" : "connect");
    require(request.video || !request.given.empty(), Fault::usage,
            "{}: there are no pixels that it could keep; give them with --video or --given", mask);
  }
  const bool frames = clip_goes_on || request.video || !request.given.empty();
  require(!request.resize || frames || !request.reference_images.empty(), Fault::usage,
          "--resize: there is no image and no clip to resize");
  require(!request.keep_given || frames, Fault::usage,
          "--keep-given: there is no image and no clip whose frames could be kept");
  require(!request.keep_given.value_or(false) || !request.video || request.mask, Fault::usage,
          "--keep-given yes: all frames of --video are changed, unless a --mask says where");
}

void refuse_two_lengths(const Request& request) {
  require(!request.num_frames || !request.seconds, Fault::usage,
          "--seconds {} and --num-frames {} both give the length; give one of them", request.seconds.value_or(0),
          request.num_frames.value_or(0));
  if (!request.extend_frames || (!request.num_frames && !request.seconds)) return;
  const std::string whole = request.num_frames ? fmt::format("--num-frames {}", *request.num_frames)
                                               : fmt::format("--seconds {}", *request.seconds);
  fail(Fault::usage,
       "--extend-frames {} and {} both give the length: the first counts new frames, the second the clips' too; give "
       "one of them",
       *request.extend_frames, whole);
}

}  // namespace

void refuse_contradictions(const Request& request) {
  refuse_two_sources(request);
  refuse_idle_flags(request);
  refuse_two_lengths(request);
}

std::string as_written(std::string_view flag, const std::filesystem::path& media) {
  return fmt::format("{} {}", flag, printable(media.string(), kShownPath));
}

std::string as_written(const Given& given) {
  std::string text = as_written(given.flag, given.media);
  if (given.flag != "--given") return text;
  if (given.take) text += fmt::format("#{}-{}", given.take->first, given.take->end() - 1);
  return text + fmt::format("@{}", given.at);
}

}  // namespace sora
