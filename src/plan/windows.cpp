#include "plan/windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "plan/skills.h"
#include "sora/error.h"

namespace sora {
namespace {

// One new latent frame between a known one on either side.
constexpr int kFewestFrames = 3;

// Pixel frames that fill whole latent frames, or Error{usage} with the nearest numbers that do.
int whole_latent_frames(std::string_view flag, int pixel_frames, const Compression& compression) {
  const int frames = latent_frames_for(pixel_frames, compression);
  const int above = pixel_frames_of(frames, compression);
  require(above == pixel_frames, Fault::usage, "{} {}: a window is 1 + a multiple of {} frames; nearest: {}, {}", flag,
          pixel_frames, compression.time, above - compression.time, above);
  return frames;
}

void require_blocks(std::string_view flag, int latent_frames, const Forcing& forcing, const Compression& compression) {
  const int below = latent_frames / forcing.block * forcing.block;
  if (below == latent_frames) return;
  const int above = pixel_frames_of(below + forcing.block, compression);
  const std::string nearest =
      below == 0 ? std::to_string(above) : fmt::format("{}, {}", pixel_frames_of(below, compression), above);
  fail(Fault::usage, "{} {}: {} latent frames are no whole number of blocks of {}; nearest: {}", flag,
       pixel_frames_of(latent_frames, compression), latent_frames, forcing.block, nearest);
}

struct Run {
  int end = 0;  // of the latent frames that are still to be covered
  int scene = 0;
};

// Lays windows from left to right.
class Cover {
 public:
  // [0, known) needs no window; what is known reaches into the first one as an overlap.
  Cover(const WindowSize& size, Continuation continuation, int known)
      : size_(size), continuation_(continuation), covered_(std::max(0, known - size.overlap)) {}

  // A window starts `overlap` before what is covered already. One that would pass the end is moved back, so that it
  // sees more of what is known and has the length that the model was trained with. Diffusion forcing shortens it
  // instead, as the reference does.
  void run_to(const Run& run) {
    while (covered_ < run.end) add(std::min(start() + size_.frames, run.end), run.scene);
  }

  // The same to an end whose last frames are given: the last window has no more frames behind it than others, and sees
  // as many of the given ones. It is the first window that is shorter: moved back, the last could have none to
  // generate, and the one before it would have ended without having seen what it leads to.
  void run_to_given(const Run& run, int given) {
    if (run.end - start() <= size_.frames) return run_to(run);
    const int overlap = std::min(size_.overlap, size_.frames - 2);
    const int seen = std::min({given, std::max(1, (size_.frames - overlap) / 2), std::max(1, overlap)});
    std::vector<int> ends{run.end - given + seen};
    while (ends.back() - size_.frames > start()) ends.push_back(ends.back() - size_.frames + overlap);
    add(ends.back(), run.scene);
    for (auto end = ends.rbegin() + 1; end != ends.rend(); ++end) add_from(*end - size_.frames, *end, run.scene);
  }

  std::vector<Window> take() { return std::move(windows_); }

 private:
  int start() const { return windows_.empty() ? covered_ : std::max(0, covered_ - size_.overlap); }

  void add(int end, int scene) {
    const bool whole = continuation_ != Continuation::forcing;
    add_from(whole ? std::max(0, std::min(start(), end - size_.frames)) : start(), end, scene);
  }

  void add_from(int first, int end, int scene) {
    Window window;
    window.first = first;
    window.shape.frames = end - first;
    window.context = windows_.empty() || continuation_ == Continuation::blended ? 0 : covered_ - first;
    window.scene = scene;
    windows_.push_back(window);
    covered_ = end;
  }

  WindowSize size_;
  Continuation continuation_;
  int covered_;
  std::vector<Window> windows_;
};

// Left becomes right: for a layout that was made from the end to the start.
void mirror(std::vector<Window>& windows, int latent_frames) {
  for (Window& window : windows) {
    window.first = latent_frames - window.end();
    window.context_after = std::exchange(window.context, 0);
  }
}

std::vector<Run> runs_of(std::span<const Scene> scenes, int latent_frames, bool backward) {
  std::vector<Run> runs;
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    const int end = i + 1 == scenes.size() ? latent_frames : scenes[i + 1].first;
    runs.push_back({backward ? latent_frames - scenes[i].first : end, static_cast<int>(i)});
  }
  if (backward) std::reverse(runs.begin(), runs.end());
  return runs;
}

}  // namespace

WindowSize window_size_for(const Request& request, const Traits& traits, const Forcing& forcing) {
  if (!can(traits, Skill::windows)) {
    if (request.window_frames)
      require_skill(traits, Skill::windows, fmt::format("--window-frames {}", *request.window_frames));
    if (request.overlap_frames)
      require_skill(traits, Skill::windows, fmt::format("--overlap-frames {}", *request.overlap_frames));
    return {traits.max_latent_frames, 0};
  }
  const Compression& compression = traits.compression;
  const int pixel_frames = request.window_frames.value_or(traits.defaults.window_frames);
  WindowSize size;
  size.frames = whole_latent_frames("--window-frames", pixel_frames, compression);
  require(size.frames >= kFewestFrames && size.frames <= traits.max_latent_frames, Fault::usage,
          "--window-frames {}: expected {} to {} with this checkpoint", pixel_frames,
          pixel_frames_of(kFewestFrames, compression), pixel_frames_of(traits.max_latent_frames, compression));
  // A quarter, in whole blocks, where the checkpoint's own overlap was meant for another window.
  const int quarter = std::max(1, size.frames / 4 / forcing.block) * forcing.block;
  const int usual = request.window_frames ? pixel_frames_of(quarter, compression) : traits.defaults.overlap_frames;
  const int overlap_frames = request.overlap_frames.value_or(usual);
  size.overlap = whole_latent_frames("--overlap-frames", overlap_frames, compression);
  require(size.overlap < size.frames, Fault::usage,
          "--overlap-frames {}: a window of {} frames would have no new ones; at most {}", overlap_frames, pixel_frames,
          pixel_frames - compression.time);
  require_blocks("--window-frames", size.frames, forcing, compression);
  require_blocks("--overlap-frames", size.overlap, forcing, compression);
  return size;
}

std::vector<Window> windows_over(const LatentShape& shape, const WindowSize& size, const WindowOrder& order,
                                 std::span<const Scene> scenes) {
  const bool one = shape.frames <= size.frames && scenes.size() == 1;
  const int known = order.backward ? order.trailing : order.leading;
  const int end_given = order.backward ? order.leading : order.trailing;
  Cover cover(size, order.continuation, one ? 0 : known);
  const std::vector<Run> runs = runs_of(scenes, shape.frames, order.backward);
  for (const Run& run : runs) {
    const bool to_given = end_given > 0 && &run == &runs.back() && order.continuation == Continuation::clean_prefix;
    if (to_given)
      cover.run_to_given(run, end_given);
    else
      cover.run_to(run);
  }
  std::vector<Window> windows = cover.take();
  if (order.backward) mirror(windows, shape.frames);
  for (Window& window : windows) window.shape = {shape.channels, window.shape.frames, shape.height, shape.width};
  return windows;
}

}  // namespace sora
