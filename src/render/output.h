// What the decoder gives becomes what the user gets: trimmed, with the given frames as they were given, between the
// parts of clips that are not rendered.
#pragma once

#include "render/quality.h"
#include "sora/frame_sink.h"
#include "sora/plan.h"
#include "sora/progress.h"
#include "sora/render.h"

namespace sora {

/// Where frames go, and what is done to them before.
struct MarkedSink {
  FrameSink& sink;
  MarkFrame mark = {};  ///< may be empty
};

class Output {
 public:
  Output(const Plan& plan, PixelReader& read, const MarkedSink& to, Progress& progress);

  /// The next decoded pixels [1, 3, n, H, W] in -1..1. Throws Error{input} if they are not finite.
  void write(const Tensor& pixels);
  /// Everything is written; the sink is finished.
  void finish();
  const QualityWatch& quality() const { return quality_; }

 private:
  void copy(const ClipPart& part);
  void put(const Tensor& rgb);
  Tensor put_given(const Tensor& rgb) const;
  Tensor marked(const Tensor& rgb, const Tensor& given) const;

  const Plan& plan_;
  PixelReader& read_;
  MarkedSink to_;
  Progress& progress_;
  QualityWatch quality_;
  int decoded_ = 0, written_ = 0;
};

}  // namespace sora
