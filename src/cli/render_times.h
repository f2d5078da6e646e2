// How long renders took on this machine, kept from run to run; and so how long the next one will take.
#pragma once

#include <filesystem>
#include <string>

#include "plan/estimate.h"
#include "sora/checkpoint.h"
#include "sora/engine.h"
#include "sora/plan.h"

namespace sora {

/// sora-gen/timings.json in $XDG_CACHE_HOME or ~/.cache; empty where neither is set to a whole path.
std::filesystem::path timings_file();
/// Nothing where there is no such file, or one that cannot be understood: it is only a cache.
Timings read_timings(const std::filesystem::path& file);
/// Appears in one step. A file that cannot be written is a message for --verbose, and no error.
void write_timings(const std::filesystem::path& file, const Timings& timings);

/// Of renders of one checkpoint, placed alike.
class RenderTimes {
 public:
  RenderTimes(const Checkpoint& checkpoint, const Placement& placement);

  /// What is known now: other processes write the file, too.
  Timings known() const { return read_timings(file_); }
  Estimate estimate(const Plan& plan, const Timings& known) const { return sora::estimate(plan, known, place_); }
  Estimate estimate(const Plan& plan) const { return estimate(plan, known()); }
  void learn(const Plan& plan, const JobResult& result) const;

 private:
  std::filesystem::path file_;
  std::string place_;
};

}  // namespace sora
