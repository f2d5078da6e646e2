// sora-gen doctor: what this machine has and whether all parts of the program are there.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/machine.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/model_path.h"
#include "cli/report.h"
#include "families/registry.h"
#include "provenance/c2pa_library.h"
#include "provenance/keys.h"
#include "sora/engine.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

void add_machine(std::vector<Finding>& findings) {
  findings.push_back({"CPU", true,
                      fmt::format("{} cores, {}", cores(),
                                  cpu_has_fast_bf16() ? "bf16 in hardware" : "no bf16 in hardware: computes in fp32")});
  findings.push_back(
      {"memory", true,
       fmt::format("{} free of {}", human_bytes(memory_available_bytes()), human_bytes(memory_limit_bytes()))});
  findings.push_back({"disk", true, fmt::format("{} free in this folder", human_bytes(disk_free_bytes(".")))});
  findings.push_back({"NVIDIA driver", true, nvidia_driver_present() ? "there" : "none: renders on the CPU"});
}

void add_shipped_model(std::vector<Finding>& findings) {
  try {
    const Checkpoint checkpoint(shipped_model());
    findings.push_back(
        {"shipped model", true, fmt::format("{} ({})", checkpoint.folder().string(), read_traits(checkpoint).family)});
  } catch (const Error& error) {
    findings.push_back({"shipped model", false, error.what()});
  }
}

void add_engine(std::vector<Finding>& findings) {
  try {
    const std::vector<Finding> found = engine().doctor();
    findings.insert(findings.end(), found.begin(), found.end());
  } catch (const Error& error) {
    findings.push_back({"engine", false, error.what()});
  }
}

void add_provenance(std::vector<Finding>& findings) {
  try {
    findings.push_back({"C2PA library", true, c2pa_text(c2pa().version())});
    const KeyFiles keys{keys_folder()};
    findings.push_back(
        {"signing keys", true, keys.exist() ? shown(keys.folder) : "none yet: the first render makes them"});
  } catch (const Error& error) {
    findings.push_back({"provenance", false, error.what()});
  }
}

}  // namespace

bool run_doctor(const Doctor& options) {
  std::vector<Finding> findings;
  add_machine(findings);
  add_shipped_model(findings);
  add_provenance(findings);
  add_engine(findings);
  const bool ok = std::all_of(findings.begin(), findings.end(), [](const Finding& finding) { return finding.ok; });

  if (options.json) {
    ordered_json list = ordered_json::array();
    for (const Finding& finding : findings)
      list.push_back({{"subject", finding.subject}, {"ok", finding.ok}, {"text", finding.text}});
    write_json({{"exit", ok ? 0 : exit_code(Fault::input)}, {"findings", list}});
    return ok;
  }
  std::string text;
  for (const Finding& finding : findings) {
    text +=
        fmt::format("{:<8} {:<16} {}\n", finding.ok ? "ok" : "MISSING", finding.subject, printable(finding.text, 400));
  }
  write_result(text);
  return ok;
}

}  // namespace sora
