// From variables SORA_GEN_* to settings.
#include "cli/variables.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/text.h"
#include "cli/help.h"
#include "sora/error.h"

namespace sora {
namespace {

using Words = std::vector<std::string>;
namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "SORA_GEN_";

Words lines_of(std::string_view text) {
  Words lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Words texts_in(const Value& variable, const FlagInfo& flag) {
  if (flag.takes == Takes::nothing) return is_on(variable) ? Words{""} : Words{};
  if (flag.takes == Takes::texts) return lines_of(variable.text);
  if (flag.takes != Takes::two_texts) return {variable.text};
  Words two = lines_of(variable.text);
  if (two.size() != 2) variable.fail_expected("two lines, a value each");
  return two;
}

// Fails unless the variable is that of another command's flag.
void require_known(const std::string& variable) {
  Words known;
  for (const CommandInfo& command : commands()) {
    for (const FlagInfo& flag : command.flags) {
      const bool same = variable_of(flag.name) == variable;
      require(!same || flag.scope != Scope::command_line, Fault::usage,
              "{}: --{} is taken on the command line alone; unset the variable", variable, flag.name);
      if (same) return;
      if (flag.scope != Scope::command_line) known.push_back(variable_of(flag.name));
    }
  }
  const std::string meant = nearest(variable, known);
  require(meant.empty(), Fault::usage, "{}: no flag has this variable; did you mean {}?", printable(variable), meant);
  fail(Fault::usage, "{}: no flag has this variable; --help lists the flags, and --num-frames is {}",
       printable(variable), variable_of("num-frames"));
}

}  // namespace

Variables read_variables() {
  Variables variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = std::min(text.find('='), text.size());
    variables.emplace(text.substr(0, equals), text.substr(std::min(equals + 1, text.size())));
  }
  return variables;
}

std::string variable_of(std::string_view flag) {
  std::string name(kPrefix);
  for (const char letter : flag)
    name += letter == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return name;
}

bool is_on(const Value& value) {
  for (const std::string_view on : {"1", "true", "yes", "on"}) {
    if (value.text == on) return true;
  }
  for (const std::string_view off : {"0", "false", "no", "off"}) {
    if (value.text == off) return false;
  }
  value.fail_expected("1, true, yes or on, or 0, false, no or off");
}

Settings settings_of(const Variables& variables, std::span<const FlagInfo> flags) {
  Settings settings;
  for (auto entry = variables.lower_bound(kPrefix); entry != variables.end(); ++entry) {
    const std::string &variable = entry->first, &text = entry->second;  // clang captures no structured bindings
    if (!variable.starts_with(kPrefix)) break;
    const auto flag = std::find_if(flags.begin(), flags.end(), [&](const FlagInfo& each) {
      return each.scope != Scope::command_line && variable_of(each.name) == variable;
    });
    if (flag == flags.end())
      require_known(variable);
    else
      settings[std::string(flag->name)] = {variable, texts_in(Value{variable, text}, *flag)};
  }
  return settings;
}

std::optional<fs::path> user_config_file(const Variables& variables) {
  const auto folder = [&](std::string_view variable) -> std::optional<fs::path> {
    const auto found = variables.find(variable);
    // As the XDG specification has it, a relative path is as good as none.
    if (found == variables.end() || !fs::path(found->second).is_absolute()) return std::nullopt;
    return found->second;
  };
  std::optional<fs::path> config = folder("XDG_CONFIG_HOME");
  if (const auto home = folder("HOME"); !config && home) config = *home / ".config";
  if (!config) return std::nullopt;
  const fs::path file = *config / "sora-gen" / "config.json";
  std::error_code problem;
  const fs::file_status status = fs::symlink_status(file, problem);
  if (status.type() == fs::file_type::not_found || problem) return std::nullopt;
  return file;
}

}  // namespace sora
