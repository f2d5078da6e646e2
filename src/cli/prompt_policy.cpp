#include "cli/prompt_policy.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cli/model_path.h"

namespace sora {
namespace {

std::string sentence(const std::string& text, const std::string& policy, const PolicyFinding& finding) {
  std::string message = fmt::format("{} matches policy \"{}\", category \"{}\", rule \"{}\"", text, policy,
                                    finding.category, finding.rule);
  if (finding.bytes) message += fmt::format(", at bytes {}-{}", finding.bytes->begin, finding.bytes->end);
  return message;
}

void require_none(const std::vector<PolicyFinding>& findings, const std::string& text, const Policy& policy,
                  const std::string& origin) {
  for (const PolicyFinding& finding : findings) {
    if (finding.severity == Severity::block) throw Refused(text, policy, finding);
    spdlog::warn("{}{}{}", origin, origin.empty() ? "" : ": ", sentence(text, policy.id(), finding));
  }
}

}  // namespace

Refused::Refused(const std::string& text, const Policy& policy, PolicyFinding finding)
    : Error(Fault::refused, sentence(text, policy.id(), finding)),
      text_(text),
      policy_{policy.id(), policy.sha256()},
      finding_(std::move(finding)) {}

nlohmann::ordered_json Refused::details() const {
  nlohmann::ordered_json json{{"code", "policy_refused"},
                              {"policy", policy_.id},
                              {"policy_sha256", policy_.sha256},
                              {"category", finding_.category},
                              {"rule", finding_.rule},
                              {"severity", to_string(finding_.severity)},
                              {"text", text_}};
  if (finding_.bytes) json["span"] = {finding_.bytes->begin, finding_.bytes->end};
  return json;
}

std::filesystem::path policy_path(const std::filesystem::path& file) { return file.empty() ? shipped_policy() : file; }

Policy load_policy(const std::filesystem::path& file) { return Policy(read_policy(policy_path(file))); }

void require_allowed(const Policy& policy, const Request& request, const std::string& origin) {
  require_none(policy.check(request.prompt), "the prompt", policy, origin);
  std::string all = request.prompt;
  for (std::size_t i = 0; i < request.scenes.size(); ++i) {
    const std::string& scene = request.scenes[i].prompt;
    require_none(policy.check(scene), fmt::format("the prompt of scene {}", i + 1), policy, origin);
    all += "\n" + scene;
  }
  if (!request.scenes.empty()) require_none(policy.check_minors(all), "the prompt with its scenes", policy, origin);
  if (request.negative_prompt) {
    require_none(policy.check_minors(*request.negative_prompt), "the negative prompt", policy, origin);
  }
}

}  // namespace sora
