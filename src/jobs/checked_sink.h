// Frames pass a checker on their way out.
#pragma once

#include <cstdint>
#include <memory>

#include "jobs/frame_checker.h"
#include "sora/frame_sink.h"
#include "sora/geometry.h"
#include "sora/plan.h"

namespace sora {

/// Passes frames on. Two of each second are looked at before: the first, and then each that begins a new half second.
class CheckedSink final : public FrameSink {
 public:
  CheckedSink(std::unique_ptr<FrameSink> next, FrameChecker& checker, FrameCheck check, const Rational& fps);

  /// Throws FrameRefused, and then passes none of `frames` on.
  void write(const Frames& frames) override;
  void finish() override { next_->finish(); }

 private:
  std::int64_t half_second_of(std::int64_t frame) const;
  void look_at(const Frames& frame, std::int64_t index);

  std::unique_ptr<FrameSink> next_;
  FrameChecker& checker_;
  FrameCheck check_;
  Rational fps_;
  std::int64_t done_ = 0;
};

}  // namespace sora
