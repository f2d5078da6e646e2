// What manifests and the log say of the checkpoint that makes videos; one for all videos of a batch.
#pragma once

#include <optional>
#include <string>

#include "provenance/record.h"
#include "sora/checkpoint.h"

namespace sora {

class ModelOrigin {
 public:
  explicit ModelOrigin(const Checkpoint& checkpoint);

  const std::string& name() const { return name_; }
  std::string sampler() const { return checkpoint_.component_class("scheduler"); }
  /// With the digests of its files, which are read when this is first asked for.
  const ModelRecord& record();

 private:
  const Checkpoint& checkpoint_;
  std::string name_;
  std::optional<ModelRecord> record_;
};

}  // namespace sora
