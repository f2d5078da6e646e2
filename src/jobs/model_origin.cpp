#include "jobs/model_origin.h"

#include "checkpoint/digests.h"
#include "checkpoint/hf_cache.h"

namespace sora {

ModelOrigin::ModelOrigin(const Checkpoint& checkpoint)
    : checkpoint_(checkpoint), name_(name_of_checkpoint(checkpoint.folder())) {}

const ModelRecord& ModelOrigin::record() {
  if (record_) return *record_;
  record_ = ModelRecord{name_, {}};
  for (const auto& [file, sha256] : digests_of(checkpoint_)) record_->parts.push_back({file, sha256});
  return *record_;
}

}  // namespace sora
