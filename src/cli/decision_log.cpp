#include "cli/decision_log.h"

#include <spdlog/spdlog.h>

#include "plan/prompts.h"
#include "provenance/audit.h"
#include "provenance/keys.h"

namespace sora {
namespace {

void append(const ProvenanceOptions& options, const DecisionRecord& record) {
  if (!options.audit) return;
  AuditLog(audit_file(), read_secret_key(ensure_keys().files.audit_key())).append(record, options.audit_prompts);
}

}  // namespace

void log_allowed(const Plan& plan, const std::string& job) {
  append(plan.provenance, {.job = job,
                           .decision = "allowed",
                           .policy_id = plan.policy.id,
                           .policy_sha256 = plan.policy.sha256,
                           .prompt = prompts_of(plan)});
}

void log_refused(const Request& request, const Refused& refused) noexcept {
  try {
    append(request.provenance, {.job = "",
                                .decision = "refused",
                                .policy_id = refused.policy().id,
                                .policy_sha256 = refused.policy().sha256,
                                .category = refused.finding().category,
                                .rule = refused.finding().rule,
                                .prompt = prompts_of(request)});
  } catch (const std::exception& error) {
    spdlog::warn("the refusal is not in the log: {}", error.what());
  }
}

}  // namespace sora
