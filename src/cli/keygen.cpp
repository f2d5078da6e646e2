// sora-gen keygen: a set of keys, before the first render or in place of one.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/command.h"
#include "cli/report.h"
#include "provenance/keys.h"
#include "provenance/passphrase.h"
#include "sora/error.h"

namespace sora {
namespace {

KeyAlgorithm algorithm_of(const std::string& name) {
  if (name == "es384") return KeyAlgorithm::es384;
  return name == "ed25519" ? KeyAlgorithm::ed25519 : KeyAlgorithm::es256;
}

std::string passphrase_of(const Keygen& options) {
  if (!options.passphrase_file.empty()) return read_passphrase(options.passphrase_file);
  if (!options.encrypt) return "";
  std::string passphrase = ask_passphrase("passphrase for the signing key: ");
  require(ask_passphrase("once more: ") == passphrase, Fault::usage, "the two passphrases differ");
  return passphrase;
}

std::string listed(const KeyFiles& files, const KeyOptions& options, const std::filesystem::path& retired) {
  std::string text = fmt::format("keys in {}\n", printable(files.folder.native(), 1000));
  const auto line = [&](const char* file, const std::string& what) {
    text += fmt::format("  {:<16} {}\n", file, what);
  };
  line("root.pem", "for those who are to recognise what is signed here");
  line("certificate.pem",
       fmt::format("of {}, for {} {}", printable(options.name), options.years, options.years == 1 ? "year" : "years"));
  line("key.pem", options.passphrase.empty() ? "not encrypted: who has it can sign in this name" : "encrypted");
  line("watermark.key", retired.empty() ? "new" : "as before");
  line("audit.key", retired.empty() ? "new" : "as before");
  if (!retired.empty()) text += fmt::format("the old set is in {}\n", printable(retired.native(), 1000));
  return text;
}

}  // namespace

void run_keygen(const Keygen& options) {
  KeyOptions wanted{algorithm_of(options.algorithm), options.name, options.years, passphrase_of(options)};
  const std::filesystem::path folder = options.folder.empty() ? keys_folder() : std::filesystem::path(options.folder);
  RenewedKeys made;
  if (options.renew)
    made = renew_keys(folder, wanted);
  else
    made.files = make_keys(folder, wanted);
  if (!options.json) return write_result(listed(made.files, wanted, made.retired));
  const nlohmann::ordered_json retired =
      made.retired.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(made.retired.string());
  write_json({{"exit", 0},
              {"folder", made.files.folder.string()},
              {"algorithm", options.algorithm},
              {"name", options.name},
              {"years", options.years},
              {"encrypted", !wanted.passphrase.empty()},
              {"retired", retired}});
}

}  // namespace sora
