// The prompt policy where jobs are made: what is asked of each before anything else is done for it.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "policy/policy.h"
#include "sora/error.h"
#include "sora/plan.h"
#include "sora/request.h"

namespace sora {

/// A prompt that the policy does not allow. Its message has no word of the prompt.
class Refused : public Error {
 public:
  /// `text` is which of a request's texts it is: "the prompt".
  Refused(const std::string& text, const Policy& policy, PolicyFinding finding);
  /// For --json, beside "exit" and "error": code, policy, policy_sha256, category, rule, severity, text, and span where
  /// it may be said.
  nlohmann::ordered_json details() const;
  const PolicyName& policy() const { return policy_; }
  const PolicyFinding& finding() const { return finding_; }

 private:
  std::string text_;
  PolicyName policy_;
  PolicyFinding finding_;
};

/// The policy in `file`; that of the installation, else of the source tree, if it is empty. Throws Error{usage}.
Policy load_policy(const std::filesystem::path& file);
std::filesystem::path policy_path(const std::filesystem::path& file);

/// Throws Refused for the first text of the request that is not allowed, and warns where the policy says so; `origin`
/// ("prompts.txt:3", or nothing) is for the warnings. The negative prompt is what a model is guided away from (and only
/// with a guidance scale above 1 looked at by it), so that it adds nothing to a video: it is only held against
/// sexual_minors. So are prompt and scenes read as one text. Pictures and clips that are given bring along what they
/// say of themselves, and the prompts that sora-gen has made them from.
void require_allowed(const Policy& policy, const Request& request, const std::string& origin = "");

}  // namespace sora
