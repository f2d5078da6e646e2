// sora-gen audit verify: whether the log of what was decided and made is as it was written.
#include "provenance/audit.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/command.h"
#include "cli/report.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

std::string told(const AuditFinding& finding, const std::string& file, bool with_key) {
  const std::string torn = finding.torn == 0 ? "" : fmt::format(", {} cut by crashes", finding.torn);
  std::string text;
  if (finding.line != 0)
    text = fmt::format("BROKEN   {}: line {} {}; {} records before it are whole\n", file, finding.line, finding.fault,
                       finding.records);
  else
    text = fmt::format("whole    {}: {} records{}\n", file, finding.records, torn);
  if (finding.last_is_torn) text += "cut      the last line, by a crash or just now being written\n";
  if (!with_key) text += "note     without this installation's key, only the chain of digests was checked\n";
  return text;
}

}  // namespace

bool run_verify_audit(const VerifyAudit& options) {
  const std::filesystem::path file = options.file.empty() ? audit_file() : std::filesystem::path(options.file);
  const KeyFiles keys{keys_folder()};
  const bool with_key = keys.exist();
  const SecretKey key = with_key ? read_secret_key(keys.audit_key()) : SecretKey{};
  const AuditFinding finding = verify_audit(file, with_key ? &key : nullptr);
  const bool whole = finding.line == 0;
  if (!options.json) {
    write_result(told(finding, printable(file.native(), 1000), with_key));
    return whole;
  }
  write_json({{"exit", whole ? 0 : exit_code(Fault::verification)},
              {"file", file.string()},
              {"whole", whole},
              {"records", finding.records},
              {"torn", finding.torn},
              {"last_is_torn", finding.last_is_torn},
              {"line", whole ? ordered_json() : ordered_json(finding.line)},
              {"fault", whole ? ordered_json() : ordered_json(finding.fault)},
              {"with_key", with_key}});
  return whole;
}

}  // namespace sora
