// All videos of a command, planned before a weight is read: what is wrong with any of them is said at once.
#pragma once

#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/prompt_file.h"
#include "cli/prompt_policy.h"
#include "cli/show_plan.h"
#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// One video of a batch besides its plan.
struct BatchJob {
  BatchLine line;
  std::string id;                       ///< see job_id(); of the same video asked for again, another one
  std::optional<Error> failure;         ///< of its own pictures or clips, or refused: the others can still be made
  std::optional<Refused> refused = {};  ///< what `failure` is if it is that
};

/// The videos that one checkpoint makes. Plans and jobs stand in the same order, that of the lines.
struct BatchGroup {
  std::string model;  ///< as the user names it
  Checkpoint checkpoint;
  Traits traits;
  std::string fingerprint;
  std::vector<BatchJob> jobs;
  std::vector<Plan> plans;
};

struct Batch {
  std::filesystem::path folder;  ///< that of the command's output, where the journal is kept
  std::deque<BatchGroup> groups;
  std::size_t size() const;
};

/// Throws Error{usage} with a line for each thing that is wrong, or {input} for a checkpoint.
Batch plan_batch(const Generate& command);

}  // namespace sora
