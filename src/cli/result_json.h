// What was rendered, as JSON: for --json and for sidecars.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sora/engine.h"

namespace sora {

nlohmann::ordered_json result_json(const Plan& plan, const JobResult& result);

}  // namespace sora
