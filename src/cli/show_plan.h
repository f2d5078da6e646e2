// A plan for people and for programs: what --dry-run and --verbose print.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "plan/estimate.h"
#include "sora/plan.h"

namespace sora {

/// What a plan is shown with: the model it is for and the machine it is to run on.
struct PlanContext {
  std::string model;  ///< folder
  std::string family;
  std::optional<std::int64_t> memory_free;  ///< where the model runs; empty if unknown
  std::int64_t disk_free = 0;               ///< where the output goes
  Estimate estimate = {};
  /// The flags that --fit has added to the plan; empty where --fit is not given.
  std::optional<std::vector<std::string>> fitted_by = {};
};

/// Empty if the memory is unknown.
std::optional<bool> fits(const Plan& plan, const PlanContext& context);

/// "128x128, 33 frames at 8 fps, 4.12 s; 16 steps, guidance scale 4; seed 7; out/x.mp4", without a newline.
std::string plan_line(const Plan& plan);
/// Aligned lines, each "label  text"; no newline at the end.
std::string plan_text(const Plan& plan, const PlanContext& context);
nlohmann::ordered_json plan_json(const Plan& plan, const PlanContext& context);

}  // namespace sora
