#include "cli/prompt_policy.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/model_path.h"
#include "cli/sidecar.h"
#include "sora/engine.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

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

std::vector<fs::path> media_of(const Request& request) {
  std::vector<fs::path> media;
  for (const Given& given : request.given) media.push_back(given.media);
  for (const auto& clip : {request.extend, request.video})
    if (clip) media.push_back(*clip);
  if (request.connect) media.insert(media.end(), {request.connect->from, request.connect->to});
  return media;
}

// Of a video that sora-gen has made; nothing of all others.
std::vector<std::string> prompts_in(const fs::path& media) {
  std::vector<std::string> prompts;
  try {
    const Settings settings = settings_from(media);
    for (const char* name : {"prompt", "scene"}) {
      const auto found = settings.find(name);
      if (found != settings.end())
        prompts.insert(prompts.end(), found->second.texts.begin(), found->second.texts.end());
    }
  } catch (const Error& error) {
    if (error.fault() != Fault::input && error.fault() != Fault::usage) throw;
  }
  return prompts;
}

// What cannot be read is for the planner to refuse.
std::vector<Caption> captions_in(const fs::path& media) {
  require(engine().captions != nullptr, Fault::bug, "the engine cannot read the captions of images and clips");
  try {
    return engine().captions(media);
  } catch (const Error& error) {
    if (error.fault() != Fault::input) throw;
    return {};
  }
}

void require_allowed(const Policy& policy, const fs::path& media, const std::string& origin) {
  const std::string name = shown(media);
  for (const std::string& prompt : prompts_in(media))
    require_none(policy.check(prompt), "the prompt of " + name, policy, origin);
  for (const Caption& caption : captions_in(media))
    require_none(policy.check(caption.text), fmt::format("the {} in {}", caption.tag, name), policy, origin);
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

fs::path policy_path(const fs::path& file) { return file.empty() ? shipped_policy() : file; }

Policy load_policy(const fs::path& file) { return Policy(read_policy(policy_path(file))); }

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
  // Last, because it needs the engine.
  for (const fs::path& media : media_of(request)) require_allowed(policy, media, origin);
}

}  // namespace sora
