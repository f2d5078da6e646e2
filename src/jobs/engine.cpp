// The one symbol of the engine module; see sora/engine.h.
#include "sora/engine.h"

#include "jobs/doctor.h"
#include "jobs/find_watermark.h"
#include "jobs/run_jobs.h"
#include "media/captions.h"
#include "media/media_reader.h"
#include "media/mp4_metadata.h"
#include "parallel/store_claims.h"

extern "C" const sora::Engine* sora_engine() {
  static constexpr sora::Engine kEngine{.render = sora::run_jobs,
                                        .doctor = sora::examine_engine,
                                        .probe = sora::probe_media,
                                        .join = [](const sora::Group& group) { return sora::join_group(group); },
                                        .metadata = sora::read_mp4_metadata,
                                        .captions = sora::read_captions,
                                        .find_watermark = sora::find_watermark};
  return &kEngine;
}
