// What a plan costs in arithmetic and memory.
#pragma once

#include <cstdint>
#include <string>

#include "sora/plan.h"

namespace sora {

Cost cost_of(const Plan& plan, const Traits& traits);

/// The stage that needs most memory.
struct Peak {
  std::string stage;  ///< "sampling"
  std::int64_t bytes = 0;
};
Peak memory_peak(const Plan& plan);

}  // namespace sora
