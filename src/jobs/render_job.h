// One video of a batch: from its opened output to the published file.
#pragma once

#include <string>

#include "media/sinks.h"
#include "render/saved_latents.h"
#include "sora/engine.h"
#include "sora/render.h"

namespace sora {

class RenderJob {
 public:
  /// Opens the output: a path that cannot be written or an encoder that will not open must not cost a render.
  RenderJob(const Plan& plan, const std::string& fingerprint);

  /// Everything has been sampled by an earlier run: neither contexts nor a denoiser are needed.
  bool only_decodes() const { return only_decodes_; }

  /// To be called once. Where decoding takes more memory than there is, it is tried again in smaller tiles.
  JobResult run(const Contexts& contexts, Model& model, Progress& progress);

 private:
  OpenedSink open(bool again) const;
  Quality render_in_tiles_that_fit(const Contexts& contexts, Model& model, class StageWatch& stages,
                                   Progress& progress);

  const Plan& plan_;
  SavedLatents saved_;
  bool only_decodes_;
  OpenedSink output_;
};

}  // namespace sora
