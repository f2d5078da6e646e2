// What the policy said of prompts, in this installation's log.
#pragma once

#include <string>

#include "cli/prompt_policy.h"
#include "sora/plan.h"
#include "sora/request.h"

namespace sora {

/// Before a job is rendered. Nothing where the log is off. Throws Error{output}.
void log_allowed(const Plan& plan, const std::string& job);

/// Whatever happens to the log, the prompt stays refused.
void log_refused(const Request& request, const Refused& refused) noexcept;

}  // namespace sora
