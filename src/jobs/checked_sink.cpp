#include "jobs/checked_sink.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace sora {

CheckedSink::CheckedSink(std::unique_ptr<FrameSink> next, FrameChecker& checker, FrameCheck check, const Rational& fps)
    : next_(std::move(next)), checker_(checker), check_(std::move(check)), fps_(fps) {}

void CheckedSink::write(const Frames& frames) {
  const std::size_t bytes = frames.rgb.size() / static_cast<std::size_t>(std::max(1, frames.count));
  for (int i = 0; i < frames.count; ++i, ++done_) {
    if (done_ > 0 && half_second_of(done_) == half_second_of(done_ - 1)) continue;
    look_at({1, frames.height, frames.width, frames.rgb.subspan(static_cast<std::size_t>(i) * bytes, bytes)}, done_);
  }
  next_->write(frames);
}

std::int64_t CheckedSink::half_second_of(std::int64_t frame) const {
  return 2 * frame * fps_.denominator / fps_.numerator;
}

void CheckedSink::look_at(const Frames& frame, std::int64_t index) {
  const double seconds = static_cast<double>(index) / fps_.value();
  const std::string place = fmt::format("frame {} ({:.1f} s)", index, seconds);
  std::vector<CategoryScore> scores;
  try {
    scores = checker_.check(frame, seconds);
  } catch (const Error& error) {
    throw error.within(place);
  }
  const auto worst =
      std::max_element(scores.begin(), scores.end(), [](const auto& a, const auto& b) { return a.score < b.score; });
  if (worst == scores.end() || worst->score < check_.threshold) return;
  throw FrameRefused(fmt::format("{}: the checker {} gives category \"{}\" {:.3g}, refused from {} on", place,
                                 shown(check_.module), printable(worst->category), worst->score, check_.threshold),
                     worst->category);
}

}  // namespace sora
