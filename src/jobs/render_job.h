// One video of a batch: from its opened output to the published file.
#pragma once

#include <string>

#include "jobs/frame_checker.h"
#include "jobs/origin.h"
#include "media/sinks.h"
#include "render/saved_latents.h"
#include "sora/engine.h"
#include "sora/render.h"

namespace sora {

class RenderJob {
 public:
  /// Opens the output and reads the keys: a path that cannot be written, an encoder that will not open, a certificate
  /// that has expired must not cost a render. `checker` is what plan.frame_check names, already tried, and else null.
  RenderJob(const Plan& plan, ModelOrigin& model, const std::string& fingerprint, FrameChecker* checker,
            Progress& progress);
  RenderJob(const RenderJob&) = delete;
  RenderJob& operator=(const RenderJob&) = delete;

  /// Everything has been sampled by an earlier run: neither contexts nor a denoiser are needed.
  bool only_decodes() const { return only_decodes_; }

  /// To be called once. Where decoding takes more memory than there is, it is tried again in smaller tiles. Of a video
  /// that the checker refuses nothing is left, and FrameRefused is thrown.
  JobResult run(const Contexts& contexts, Model& model, Progress& progress);

 private:
  OpenedSink open(bool again);
  Quality render_in_tiles_that_fit(const Contexts& contexts, Model& model, class StageWatch& stages,
                                   Progress& progress);
  void discard(const FrameRefused& refused, Progress& progress);

  const Plan& plan_;
  FrameChecker* checker_;
  SavedLatents saved_;
  bool only_decodes_;
  Origin origin_;
  OpenedSink output_;  ///< after origin_, which it uses
};

}  // namespace sora
