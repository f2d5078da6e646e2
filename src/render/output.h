// What the decoder gives becomes what the user gets: trimmed, with the given frames as they were given, between the
// parts of clips that are not rendered.
#pragma once

#include "render/quality.h"
#include "sora/plan.h"
#include "sora/progress.h"
#include "sora/render.h"

namespace sora {

class Output {
 public:
  Output(const Plan& plan, PixelReader& read, FrameSink& sink, Progress& progress);

  /// The next decoded pixels [1, 3, n, H, W] in -1..1. Throws Error{input} if they are not finite.
  void write(const Tensor& pixels);
  /// Everything is written; the sink is finished.
  void finish();
  const QualityWatch& quality() const { return quality_; }

 private:
  void copy(const ClipPart& part);
  void put(const Tensor& rgb);
  void put_given(const Tensor& rgb) const;

  const Plan& plan_;
  PixelReader& read_;
  FrameSink& sink_;
  Progress& progress_;
  QualityWatch quality_;
  int decoded_ = 0, written_ = 0;
};

}  // namespace sora
