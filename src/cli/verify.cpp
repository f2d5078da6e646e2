// sora-gen verify: what a video says of its origin, and whether that holds.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "checkpoint/file_hashes.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/verdict.h"
#include "provenance/keys.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

std::optional<SecretKey> own_watermark_key() {
  const KeyFiles files{keys_folder()};
  if (!files.exist()) return std::nullopt;
  return read_secret_key(files.watermark_key());
}

void look_for_watermark(OriginFindings& findings) {
  if (!findings.watermark_key) {
    findings.unmarked = "not looked for: this installation has no key yet";
    return;
  }
  require(engine().find_watermark != nullptr, Fault::bug, "the engine cannot look for watermarks");
  try {
    findings.watermark = engine().find_watermark(findings.file, {&*findings.watermark_key, 1});
  } catch (const Error& error) {
    if (error.fault() != Fault::input) throw;
    findings.unmarked = std::string("cannot be looked for: ") + error.what();
  }
}

// A payload counts only with what the log says of it: the pattern alone can be copied from another video.
void look_into_log(OriginFindings& findings) {
  const KeyFiles files{keys_folder()};
  if (!files.exist()) return;
  const SecretKey key = read_secret_key(files.audit_key());
  findings.made_here = find_output(audit_file(), key, findings.sha256);
  if (!findings.made_here && findings.watermark && findings.watermark->payload)
    findings.made_here = find_output(audit_file(), key, *findings.watermark->payload);
}

OriginFindings examine(const std::string& file, const std::string& roots, const std::optional<SecretKey>& key) {
  OriginFindings findings;
  findings.file = file;
  findings.watermark_key = key;
  findings.sha256 = sha256_of_file(file);
  findings.manifest = read_manifest(file, roots);
  look_for_watermark(findings);
  look_into_log(findings);
  return findings;
}

}  // namespace

int run_verify(const Verify& options) {
  const std::string roots = trusted_roots({options.trust.begin(), options.trust.end()});
  const std::optional<SecretKey> key = own_watermark_key();
  int code = 0;
  std::string text;
  ordered_json files = ordered_json::array();
  for (const std::string& file : options.files) {
    try {
      const OriginFindings findings = examine(file, roots, key);
      if (!is_verified(findings)) code = exit_code(Fault::verification);
      text += text_of(findings);
      files.push_back(json_of(findings));
    } catch (const Error& error) {
      if (error.fault() != Fault::input) throw;
      // That a video is not what it should be is worse than that one cannot be read.
      if (code == 0) code = exit_code(Fault::input);
      text += fmt::format("{}: CANNOT BE READ\n  {}\n", printable(file, 300), error.what());
      files.push_back({{"file", file}, {"verified", false}, {"error", error.what()}});
    }
  }
  if (options.json)
    write_json({{"exit", code}, {"files", files}});
  else
    write_result(text);
  return code;
}

}  // namespace sora
