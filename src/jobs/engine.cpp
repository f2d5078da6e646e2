// The one symbol of the engine module; see sora/engine.h.
#include "sora/engine.h"

#include "jobs/run_job.h"
#include "media/media_reader.h"
#include "media/mp4_metadata.h"

extern "C" const sora::Engine* sora_engine() {
  static constexpr sora::Engine kEngine{.render = sora::run_job,
                                        .doctor = sora::examine_engine,
                                        .probe = sora::probe_media,
                                        .metadata = sora::read_mp4_metadata};
  return &kEngine;
}
