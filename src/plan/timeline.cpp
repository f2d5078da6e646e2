#include "plan/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "plan/length.h"
#include "plan/sizes.h"
#include "plan/skills.h"
#include "plan/wishes.h"
#include "sora/error.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

constexpr int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

std::string shown_path(const fs::path& path) { return printable(path.string(), 200); }

// An image or a clip that the user named.
struct Media {
  fs::path path;
  MediaInfo info;
  int frames = 0;  // at the video's fps
  std::string flag;

  GivenSpan span(int first, int count, int at) const {
    return {.media = path,
            .image = info.image,
            .source_first = first,
            .count = count,
            .at = at,
            .latents = {},
            .flag = flag};
  }
  std::optional<ClipPart> part(int first, int count) const {
    return count == 0 ? std::nullopt : std::optional(ClipPart{path, {first, count}});
  }
};

class TimelineMaker {
 public:
  TimelineMaker(const Request& request, const Traits& traits, const WindowSize& window, const MediaProbe& probe)
      : request_(request), traits_(traits), window_(window), probe_(probe), time_(traits.compression.time) {}

  Timeline make() {
    require_skills();
    find_fps_and_size();
    if (request_.extend && request_.backward)
      begin_earlier();
    else if (request_.extend)
      go_on();
    else if (request_.connect)
      connect();
    else if (request_.video)
      change();
    else
      place_given();
    line_.use = use();
    require_needed_frames();
    add_mask();
    keep_given();
    return std::move(line_);
  }

 private:
  // What can be said before any file is opened.
  void require_skills() const {
    for (const Given& given : request_.given) {
      if (traits_.given != GivenSupport::nothing) break;
      const Skill skill = given.at == 0 ? Skill::first_frame : given.at == -1 ? Skill::last_frame : Skill::given_frames;
      require_skill(traits_, skill, as_written(given));
    }
    if (request_.extend) {
      require_skill(traits_, request_.backward ? Skill::backward_extension : Skill::extension,
                    as_written("--extend", *request_.extend) + (request_.backward ? " --backward" : ""));
    }
    if (request_.connect) require_skill(traits_, Skill::connection, connect_as_written());
    if (request_.video && !request_.mask)
      require_skill(traits_, Skill::video_to_video, as_written("--video", *request_.video));
    if (request_.mask) require_skill(traits_, Skill::infill, as_written("--mask", *request_.mask));
    if (!request_.reference_images.empty()) {
      require_skill(traits_, Skill::reference_images,
                    as_written("--reference-image", request_.reference_images.front()));
    }
    require(!request_.strength || traits_.given != GivenSupport::pixels, Fault::usage,
            "--strength {}: this checkpoint ({}) is steered by the video, and starts from noise whatever the video is",
            request_.strength.value_or(0), traits_.family);
  }

  std::string connect_as_written() const {
    return fmt::format("--connect {} {}", shown_path(request_.connect->from), shown_path(request_.connect->to));
  }

  const MediaInfo& info(const fs::path& path) {
    const auto known = infos_.find(path);
    if (known != infos_.end()) return known->second;
    require(probe_ != nullptr, Fault::bug, "media are given, and there is nothing to look at them with");
    return infos_.emplace(path, probe_(path)).first->second;
  }

  Media open(const fs::path& path, std::string flag) {
    const MediaInfo& facts = info(path);
    return {path, facts, frames_at(facts, line_.fps), std::move(flag)};
  }

  // The clip that sets the fps and, where it is shown as it is, the size.
  std::optional<fs::path> leading_clip() {
    std::vector<fs::path> candidates;
    if (request_.extend) candidates = {*request_.extend};
    if (request_.connect) candidates = {request_.connect->from, request_.connect->to};
    if (request_.video) candidates = {*request_.video};
    const auto clip =
        std::find_if(candidates.begin(), candidates.end(), [&](const fs::path& path) { return !info(path).image; });
    return clip == candidates.end() ? std::nullopt : std::optional(*clip);
  }

  void find_fps_and_size() {
    const std::optional<fs::path> clip = leading_clip();
    line_.fps = request_.fps.value_or(clip ? info(*clip).fps : traits_.defaults.fps);
    line_.size = request_.size.value_or(traits_.defaults.size);
    if (request_.size || !clip || request_.video) return;
    line_.size = info(*clip).size;
    const std::string fault = size_fault(line_.size, traits_);
    require(
        fault.empty(), Fault::usage,
        "{}: {} is {}, which this checkpoint cannot make: {}. Say another --size, and --resize crop, pad or stretch",
        request_.extend ? "--extend" : "--connect", shown_path(*clip), to_string(line_.size), fault);
    if (!request_.connect || request_.resize) return;
    for (const fs::path& end : {request_.connect->from, request_.connect->to}) {
      require(info(end).image || info(end).size == line_.size, Fault::usage,
              "--connect: {} is {} and {} is {}; say --resize crop, pad or stretch for how they become one size",
              shown_path(*clip), to_string(line_.size), shown_path(end), to_string(info(end).size));
    }
  }

  // Frames that the model makes at once.
  int usual_frames() const {
    return can(traits_, Skill::windows) ? pixel_frames_of(window_.frames, traits_.compression)
                                        : traits_.defaults.num_frames;
  }

  bool whole_latent_frames() const { return traits_.given == GivenSupport::latent_frames; }
  // The last frame stands behind the video, not in it.
  bool last_is_appended() const { return traits_.given == GivenSupport::leading_frames_maybe_last; }

  // How many of a clip's last frames the model sees when it goes on from them: one overlap of windows.
  int seen_at_start(int clip_frames) const {
    const int overlap = std::max(1, window_.overlap);
    switch (traits_.given) {
      case GivenSupport::nothing:
      case GivenSupport::first_frame:
      case GivenSupport::first_frame_maybe_last:
      case GivenSupport::first_and_last_frame:
        return 1;
      case GivenSupport::latent_frames:
      case GivenSupport::leading_frames_maybe_last:
        return pixel_frames_of(std::min(overlap, (clip_frames - 1) / time_ + 1), traits_.compression);
      case GivenSupport::pixels:
        return std::min(pixel_frames_of(overlap, traits_.compression), clip_frames);
    }
    fail(Fault::bug, "frames are given in a way that nobody knows");
  }

  // How many of a clip's first frames the model sees when it leads to them.
  int seen_at_end(int clip_frames) const {
    const bool several = whole_latent_frames() || traits_.given == GivenSupport::pixels;
    if (!several) return 1;
    const int whole = clip_frames < time_ ? clip_frames : clip_frames / time_ * time_;
    return std::min(time_ * std::max(1, window_.overlap), whole);
  }

  int new_frames(int clip_frames, int usual) const {
    if (request_.extend_frames) return *request_.extend_frames;
    const std::optional<Length> asked = asked_length(request_, line_.fps);
    if (!asked) return std::max(1, usual);
    require(
        asked->frames > clip_frames, Fault::usage,
        "{}: what is given has {} frames already, and this counts the whole output ({}); --extend-frames counts new "
        "frames only",
        asked->as_written, clip_frames, asked->frames);
    return asked->frames - clip_frames;
  }

  void render(int needed_frames, FrameRange shown, const std::string& asked) {
    const int most = pixel_frames_of(traits_.max_latent_frames, traits_.compression);
    require(can(traits_, Skill::windows) || needed_frames <= most, Fault::usage,
            "{}: {} frames are to be made at once; this model makes at most {}", asked, needed_frames, most);
    line_.needed_frames = needed_frames;
    line_.shown = shown;
  }

  void go_on() {
    const Media clip = open_clip_to_extend();
    const int seen = seen_at_start(clip.frames);
    const int made = new_frames(clip.frames, usual_frames() - seen);
    line_.before = clip.part(0, clip.frames - seen);
    line_.given = {clip.span(clip.frames - seen, seen, 0)};
    render(seen + made, {0, seen + made}, clip.flag);
  }

  // The model renders whole latent frames before the clip: 1 + 4n pixel frames, of which the first are dropped.
  void begin_earlier() {
    const Media clip = open_clip_to_extend();
    const int seen = seen_at_end(clip.frames), filled = whole_latent_frames() ? round_up(seen, time_) : seen;
    const int made = new_frames(clip.frames, usual_frames() - filled);
    const int at = whole_latent_frames()
                       ? pixel_frames_of(latent_frames_for(made, traits_.compression), traits_.compression)
                       : made;
    line_.given = {clip.span(0, seen, at)};
    line_.after = clip.part(seen, clip.frames - seen);
    render(at + filled, {at - made, made + seen}, clip.flag);
  }

  Media open_clip_to_extend() {
    Media clip = open(*request_.extend, as_written("--extend", *request_.extend));
    require(!clip.info.image, Fault::usage, "{}: is an image; {} makes a video of it", clip.flag,
            as_written("--image", clip.path));
    return clip;
  }

  // Between two clips the model makes `remainder` frames more than a multiple of `unit`, so that the second clip's
  // first frames fill latent frames (or the last one).
  struct Gap {
    int unit = 1, remainder = 0;
    int below(int frames) const { return frames - ((frames - remainder) % unit + unit) % unit; }
  };

  Gap gap() const {
    switch (traits_.given) {
      case GivenSupport::nothing:
      case GivenSupport::first_frame:
      case GivenSupport::pixels:
        return {1, 0};
      case GivenSupport::first_frame_maybe_last:
      case GivenSupport::first_and_last_frame:
        return {time_, time_ - 1};
      case GivenSupport::latent_frames:
      case GivenSupport::leading_frames_maybe_last:
        return {time_, 0};
    }
    fail(Fault::bug, "frames are given in a way that nobody knows");
  }

  int frames_between(int clip_frames, int room) const {
    const int made = new_frames(clip_frames, std::max(gap().below(room), gap().below(gap().unit)));
    const int below = gap().below(made), above = below + gap().unit;
    if (below == made) return made;
    fail(Fault::usage, "{}: between two clips this checkpoint makes {}, not {}",
         request_.extend_frames ? fmt::format("--extend-frames {}", *request_.extend_frames)
                                : asked_length(request_, line_.fps)->as_written,
         below > 0 ? fmt::format("{} or {} frames", below, above) : fmt::format("at least {} frames", above), made);
  }

  void connect() {
    const Media from = open(request_.connect->from, as_written("--connect", request_.connect->from));
    const Media to = open(request_.connect->to, as_written("--connect", request_.connect->to));
    const int head = seen_at_start(from.frames), tail = seen_at_end(to.frames);
    const int filled = last_is_appended() ? 0 : whole_latent_frames() ? round_up(tail, time_) : tail;
    const int made = frames_between(from.frames + to.frames, usual_frames() - head - filled);
    const int tail_shown = last_is_appended() ? 0 : tail;
    line_.before = from.part(0, from.frames - head);
    line_.given = {from.span(from.frames - head, head, 0), to.span(0, tail, head + made)};
    line_.after = to.part(tail_shown, to.frames - tail_shown);
    render(head + made + filled, {0, head + made + tail_shown}, connect_as_written());
  }

  void change() {
    const Media clip = open(*request_.video, as_written("--video", *request_.video));
    const std::optional<Length> asked = asked_length(request_, line_.fps);
    require(!asked || asked->frames <= clip.frames, Fault::usage, "{}: that is {} frames, and {} has {}",
            asked ? asked->as_written : "", asked ? asked->frames : 0, clip.flag, clip.frames);
    const int frames = asked ? asked->frames : clip.frames;
    line_.given = {clip.span(0, frames, 0)};
    line_.given.front().changed = true;
    render(frames, {0, frames}, clip.flag);
  }

  void place_given() {
    const int frames = frames_for(request_, traits_, line_.fps);
    for (const Given& given : request_.given) line_.given.push_back(place(given, frames));
    render(frames, {0, frames}, "");
  }

  GivenSpan place(const Given& given, int frames) {
    const Media media = open(given.media, as_written(given));
    const bool image_flag = given.flag != "--given";
    require(!image_flag || media.info.image, Fault::usage,
            "{}: is a clip of {} frames; --given {}#0-0@{} takes one of them", media.flag, media.frames,
            shown_path(given.media), given.at);
    const FrameRange take = given.take.value_or(FrameRange{0, media.frames});
    require(take.end() <= media.frames, Fault::usage, "{}: there are {} frames, from 0 to {}, at {} fps", media.flag,
            media.frames, media.frames - 1, to_string(line_.fps));
    const int at = given.at < 0 ? frames + given.at : given.at;
    require(at >= 0 && at < frames, Fault::usage, "{}: the video has {} frames, from 0 to {} or from -{} to -1",
            media.flag, frames, frames - 1, frames);
    require(at + take.count <= frames, Fault::usage,
            "{}: {} frames from frame {} on go beyond the end of the video, which has {}", media.flag, take.count, at,
            frames);
    GivenSpan span = media.span(take.first, take.count, at);
    require_takes(span, frames);
    if (last_is_appended() && at > 0) span.at = frames;
    return span;
  }

  void require_takes(const GivenSpan& span, int frames) const {
    const bool last = span.count == 1 && span.at == frames - 1;
    require_skill(traits_,
                  span.at == 0 ? Skill::first_frame
                  : last       ? Skill::last_frame
                               : Skill::given_frames,
                  span.flag);
    const bool single = traits_.given == GivenSupport::first_frame ||
                        traits_.given == GivenSupport::first_frame_maybe_last ||
                        traits_.given == GivenSupport::first_and_last_frame;
    require(!single || span.count == 1, Fault::usage,
            "{}: has {} frames; this checkpoint ({}) takes one there, such as {}#{}-{}@0", span.flag, span.count,
            traits_.family, shown_path(span.media), span.source_first, span.source_first);
    const int below = pixel_frames_of((frames - 1) / time_ + 1, traits_.compression);
    require(span.at == 0 || below == frames || !(single || last_is_appended()), Fault::usage,
            "{}: with a last frame this checkpoint ({}) makes 1 + a multiple of {} frames, not {}; nearest: {}, {}",
            span.flag, traits_.family, time_, frames, below, below + time_);
  }

  GivenUse use() const {
    switch (traits_.given) {
      case GivenSupport::nothing:
      case GivenSupport::latent_frames:
      case GivenSupport::leading_frames_maybe_last:
        if (request_.video || request_.mask) return GivenUse::noised;
        return line_.given.empty() ? GivenUse::none : GivenUse::clean_frames;
      case GivenSupport::first_frame:
      case GivenSupport::first_frame_maybe_last:
      case GivenSupport::first_and_last_frame:
        return GivenUse::image_channels;
      case GivenSupport::pixels:
        return GivenUse::control;
    }
    fail(Fault::bug, "frames are given in a way that nobody knows");
  }

  void require_needed_frames() const {
    if (line_.use != GivenUse::image_channels) return;
    const bool first =
        std::any_of(line_.given.begin(), line_.given.end(), [](const GivenSpan& span) { return span.at == 0; });
    const bool both = line_.given.size() == 2;
    require(both || traits_.given != GivenSupport::first_and_last_frame, Fault::usage,
            "this checkpoint ({}) goes from one image to another: --image and --last-image are both needed",
            traits_.family);
    require(first || both, Fault::usage, "this checkpoint ({}) starts from an image: --image is needed",
            traits_.family);
  }

  void add_mask() {
    if (!request_.mask) return;
    const Media mask = open(*request_.mask, as_written("--mask", *request_.mask));
    require(mask.info.image || mask.frames == line_.shown.count, Fault::usage,
            "{}: has {} frames, and the video {}; expected an image, or a clip of the same length", mask.flag,
            mask.frames, line_.shown.count);
    line_.mask = Mask{mask.path, mask.info.image};
  }

  void keep_given() {
    const bool kept = request_.keep_given.value_or(!reference_decodes_given());
    for (GivenSpan& span : line_.given) {
      const bool shown = span.at < line_.needed_frames, changed = span.changed && !request_.mask;
      span.kept = kept && shown && !changed;
    }
  }

  // What a pipeline of diffusers does too looks as it does there, where given frames are decoded like all others. What
  // only we do (frames at any place, going on, leading from clip to clip, changing a part) leaves them as they are.
  bool reference_decodes_given() const {
    if (request_.extend || request_.connect) return false;
    const bool first_frame = line_.given.size() == 1 && line_.given.front().at == 0 && line_.given.front().count == 1;
    switch (line_.use) {
      case GivenUse::none:
      case GivenUse::image_channels:
      case GivenUse::control:
        return true;
      case GivenUse::clean_frames:
        return whole_latent_frames() ? first_frame && traits_.decodes_first_frame : true;
      case GivenUse::noised:
        return !request_.mask;
    }
    fail(Fault::bug, "frames are given in a way that nobody knows");
  }

  const Request& request_;
  const Traits& traits_;
  const WindowSize& window_;
  const MediaProbe& probe_;
  const int time_;
  std::map<fs::path, MediaInfo> infos_;
  Timeline line_;
};

}  // namespace

Timeline make_timeline(const Request& request, const Traits& traits, const WindowSize& window,
                       const MediaProbe& probe) {
  return TimelineMaker(request, traits, window, probe).make();
}

}  // namespace sora
