// From variables and config files to Settings.
#include "cli/settings.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "sora/checkpoint.h"
#include "sora/error.h"

namespace sora {
namespace {

using Words = std::vector<std::string>;
namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "SORA_GEN_";
constexpr std::array<std::string_view, 3> kLength{"seconds", "num-frames", "extend-frames"};
constexpr std::array<std::string_view, 2> kLoudness{"quiet", "verbose"};

// A number or, for what no decimal can say, a string: "24000/1001".
std::string fraction_text(JsonObject& json, std::string_view key) {
  try {
    return fmt::format("{}", json.read<double>(key));
  } catch (const Error&) {
    return json.read<std::string>(key);
  }
}

Words strings_in(JsonObject& json, const FlagInfo& flag) {
  if (flag.takes == Takes::two_texts) {
    Words two = json.read<Words>(flag.name);
    if (two.size() != 2) json.fail_at(flag.name, fmt::format("expected two strings, found {}", two.size()));
    return two;
  }
  if (flag.takes == Takes::texts && json.has_array(flag.name)) return json.read<Words>(flag.name);
  return {json.read<std::string>(flag.name)};
}

Words texts_in(JsonObject& json, const FlagInfo& flag) {
  switch (flag.takes) {
    case Takes::nothing:
      return json.read<bool>(flag.name) ? Words{""} : Words{};
    case Takes::integer:
      return {fmt::format("{}", json.read<std::int64_t>(flag.name))};
    case Takes::number:
      return {fmt::format("{}", json.read<double>(flag.name))};
    case Takes::fraction:
      return {fraction_text(json, flag.name)};
    case Takes::text:
    case Takes::two_texts:
    case Takes::texts:
      break;
  }
  Words texts = strings_in(json, flag);
  for (const std::string& text : texts) {
    if (text.find('\0') != std::string::npos) json.fail_at(flag.name, "contains a NUL character");
  }
  return texts;
}

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

template <std::size_t N>
bool both_in(const std::array<std::string_view, N>& names, std::string_view a, std::string_view b) {
  const auto has = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  return has(a) && has(b);
}

}  // namespace

Environment read_environment() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = std::min(text.find('='), text.size());
    environment.emplace(text.substr(0, equals), text.substr(std::min(equals + 1, text.size())));
  }
  return environment;
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

Settings settings_of(const Environment& environment, std::span<const FlagInfo> flags) {
  Settings settings;
  for (auto entry = environment.lower_bound(kPrefix); entry != environment.end(); ++entry) {
    const auto& [variable, text] = *entry;
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

Settings settings_of(const fs::path& file, std::span<const FlagInfo> flags) {
  JsonObject json = JsonObject::from_file(file, Fault::usage);
  Settings settings;
  for (const FlagInfo& flag : flags) {
    if (flag.scope == Scope::command_line) continue;
    const std::string origin = printable(file.native()) + ": " + std::string(flag.name);
    if (json.has(flag.name))
      settings[std::string(flag.name)] = {origin, texts_in(json, flag)};
    else
      json.ignore({flag.name});  // known, so that finish() can suggest it
  }
  json.finish();
  return settings;
}

std::optional<fs::path> user_config_file(const Environment& environment) {
  const auto folder = [&](std::string_view variable) -> std::optional<fs::path> {
    const auto found = environment.find(variable);
    // As the XDG specification has it, a relative path is as good as none.
    if (found == environment.end() || !fs::path(found->second).is_absolute()) return std::nullopt;
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

Settings merged(Settings higher, const Settings& lower) {
  const Settings given = higher;
  for (const auto& [name, setting] : lower) {
    const bool answered = std::any_of(given.begin(), given.end(), [&](const auto& entry) {
      return entry.first == name || both_in(kLength, entry.first, name) || both_in(kLoudness, entry.first, name);
    });
    if (!answered) higher.emplace(name, setting);
  }
  return higher;
}

}  // namespace sora
