// What a plan costs in arithmetic and memory.
#pragma once

#include "sora/plan.h"

namespace sora {

Cost cost_of(const Plan& plan, const Traits& traits);

}  // namespace sora
