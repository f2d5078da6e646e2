// All that a video is asked to show, as one text: what logs and manifests name it by.
#pragma once

#include <string>

#include "sora/plan.h"
#include "sora/request.h"

namespace sora {

/// The prompt and those of further scenes, a line each.
std::string prompts_of(const Plan& plan);
std::string prompts_of(const Request& request);

}  // namespace sora
