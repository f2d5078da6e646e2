// sora-gen policy, policy check and policy eval: what is refused, whether a text is, and how often that is right.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/command.h"
#include "cli/prompt_policy.h"
#include "cli/report.h"
#include "cli/standard_input.h"
#include "policy/measure.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostInput = 16 << 20;

std::string text_to_check(const PolicyCheck& options) {
  if (!options.text.empty() && options.text != "-") return options.text;
  std::string text = read_standard_input("policy check", "the text", kMostInput + 1);
  require(text.size() <= kMostInput, Fault::usage, "policy check: standard input has more than {}",
          human_bytes(kMostInput));
  return text;
}

ordered_json json_of(const PolicyFinding& finding) {
  ordered_json json{{"category", finding.category}, {"rule", finding.rule}, {"severity", to_string(finding.severity)}};
  if (finding.bytes) json["span"] = {finding.bytes->begin, finding.bytes->end};
  return json;
}

std::string line_of(const PolicyFinding& finding) {
  const std::string place = finding.bytes ? fmt::format("bytes {}-{}", finding.bytes->begin, finding.bytes->end) : "";
  const std::string line =
      fmt::format("{:<6} {:<14} {:<12} {}", to_string(finding.severity), finding.category, finding.rule, place);
  return line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
}

ordered_json json_of(const Rate& rate) {
  const Interval interval = wilson(rate.hits, rate.count);
  return {
      {"hits", rate.hits}, {"count", rate.count}, {"share", rate.share()}, {"interval", {interval.low, interval.high}}};
}

// "97.5 % (90.0-99.4)"
std::string text_of(const Rate& rate) {
  const Interval interval = wilson(rate.hits, rate.count);
  return fmt::format("{:.1f} % ({:.1f}-{:.1f})", 100 * rate.share(), 100 * interval.low, 100 * interval.high);
}

ordered_json json_of(const DisguiseResult& result, double prevalence) {
  ordered_json positives = ordered_json::array();
  for (const SetResult& set : result.positives) {
    ordered_json json{{"name", set.name}, {"refused", json_of(set.refused)}};
    if (set.is_category) json["as_category"] = json_of(set.as_category);
    const double right = precision(set.refused.share(), result.false_positives.share(), prevalence);
    json["precision"] = std::isnan(right) ? ordered_json() : ordered_json(right);
    positives.push_back(std::move(json));
  }
  return {{"variant", to_string(result.disguise)},
          {"positives", positives},
          {"false_positives", json_of(result.false_positives)}};
}

std::string table(const std::vector<DisguiseResult>& results, double prevalence) {
  std::size_t widest = std::string_view("(negatives)").size();
  for (const SetResult& set : results[0].positives) widest = std::max(widest, printable(set.name).size());
  std::string text = fmt::format("{:<13}  {:<{}}  {:>6}  {:<20}  {:<20}  {}\n", "variant", "prompts", widest, "number",
                                 "refused", "as this category", fmt::format("precision at {} %", 100 * prevalence));
  for (const DisguiseResult& result : results) {
    for (const SetResult& set : result.positives) {
      const double right = precision(set.refused.share(), result.false_positives.share(), prevalence);
      text +=
          fmt::format("{:<13}  {:<{}}  {:>6}  {:<20}  {:<20}  {}\n", to_string(result.disguise), printable(set.name),
                      widest, set.refused.count, text_of(set.refused), set.is_category ? text_of(set.as_category) : "-",
                      std::isnan(right) ? "-" : fmt::format("{:.1f} %", 100 * right));
    }
    text += fmt::format("{:<13}  {:<{}}  {:>6}  {}\n", to_string(result.disguise), "(negatives)", widest,
                        result.false_positives.count, text_of(result.false_positives));
  }
  return text;
}

}  // namespace

void run_policy(const PolicyShow& options) {
  const std::filesystem::path path = policy_path(options.policy);
  const Policy policy = load_policy(options.policy);
  ordered_json categories = ordered_json::array();
  std::string text =
      fmt::format("policy     {}\nfile       {}\nsha256     {}\n", policy.id(), shown(path), policy.sha256());
  for (const PolicyCategory& category : policy.file().categories) {
    const std::string_view state = category.enabled ? to_string(category.severity) : "off";
    categories.push_back({{"id", category.id}, {"state", state}, {"rules", category.rules.size()}});
    text += fmt::format("{:<14} {:<5}  {} rules\n", category.id, state, category.rules.size());
  }
  if (!options.json) return write_result(text);
  write_json({{"exit", 0},
              {"policy", policy.id()},
              {"policy_sha256", policy.sha256()},
              {"file", path.string()},
              {"categories", categories}});
}

int run_policy_check(const PolicyCheck& options) {
  const Policy policy = load_policy(options.policy);
  const std::vector<PolicyFinding> findings = policy.check(text_to_check(options));
  const bool refused = std::any_of(findings.begin(), findings.end(),
                                   [](const PolicyFinding& finding) { return finding.severity == Severity::block; });
  const int code = refused ? exit_code(Fault::refused) : 0;
  if (options.json) {
    ordered_json list = ordered_json::array();
    for (const PolicyFinding& finding : findings) list.push_back(json_of(finding));
    write_json({{"exit", code}, {"policy", policy.id()}, {"policy_sha256", policy.sha256()}, {"findings", list}});
    return code;
  }
  std::string text;
  for (const PolicyFinding& finding : findings) text += line_of(finding);
  write_result(text.empty() ? "nothing found\n" : text);
  return code;
}

void run_policy_eval(const PolicyEval& options) {
  require(!options.positives.empty(), Fault::usage,
          "no --positives: a folder with prompts that should be refused is missing");
  require(!options.negatives.empty(), Fault::usage,
          "no --negatives: a file with prompts that should be made is missing");
  const Policy policy = load_policy(options.policy);
  const std::vector<DisguiseResult> results =
      measure(policy, read_prompt_sets(options.positives), read_prompt_set(options.negatives));
  if (options.json) {
    ordered_json list = ordered_json::array();
    for (const DisguiseResult& result : results) list.push_back(json_of(result, options.prevalence));
    return write_json({{"exit", 0},
                       {"policy", policy.id()},
                       {"policy_sha256", policy.sha256()},
                       {"prevalence", options.prevalence},
                       {"variants", list}});
  }
  write_result(
      fmt::format("policy {}, sha256 {}\n{}", policy.id(), policy.sha256(), table(results, options.prevalence)));
}

}  // namespace sora
