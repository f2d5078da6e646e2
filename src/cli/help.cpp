#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>

namespace sora {
namespace {

constexpr std::size_t kColumns = 120;

// A heading with a list after it, broken between its items.
std::string wrapped(std::string line, const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string item = items[i] + (i + 1 < items.size() ? "," : "");
    if (line.size() + 1 + item.size() > kColumns) {
      text += line + '\n';
      line = item;
    } else {
      line += ' ' + item;
    }
  }
  return text + line + '\n';
}

std::string flag_lines(const std::vector<FlagInfo>& flags) {
  std::string lines;
  std::string_view group;
  for (const FlagInfo& flag : flags) {
    if (flag.group != group) lines += fmt::format("\n{}:\n", flag.group);
    group = flag.group;
    const std::string letter = flag.letter == '\0' ? "   " : fmt::format("-{},", flag.letter);
    const std::string usage = fmt::format("{} --{} {}", letter, flag.name, flag.value);
    lines += fmt::format("  {:<29} {}\n", usage, flag.help);
  }
  return lines;
}

std::string exit_code_lines() {
  std::vector<std::string> items;
  for (const auto& [code, meaning] : kExitCodes) items.push_back(fmt::format("{} {}", code, meaning));
  return wrapped("exit codes:", items);
}

}  // namespace

Usage usage_of(const CommandInfo& command) {
  std::string call = "sora-gen";
  for (const std::string_view word : {command.name, command.arguments}) {
    if (!word.empty()) call += ' ' + std::string(word);
  }
  const bool json =
      std::any_of(command.flags.begin(), command.flags.end(), [](const FlagInfo& flag) { return flag.name == "json"; });
  if (!command.name.empty() && json) call += " [--json]";
  return {call, command.summary};
}

std::string other_sources() {
  return R"(A flag may also be set by a variable (SORA_GEN_STEPS=20 for --steps 20; 1 or 0 for what takes no value; a line
for each value of what may be given again), and in ~/.config/sora-gen/config.json, which is like the file of --config.
The command line wins over --config, that over variables, and those over the user's own file.)";
}

std::string short_help() {
  std::string text;
  for (const CommandInfo& command : commands()) {
    const Usage usage = usage_of(command);
    const std::string line =
        fmt::format("{} {:<44}  {}", text.empty() ? "usage:" : "      ", usage.call, usage.summary);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  text += "\nexamples:\n";
  for (const std::string_view example : kExamples) text += fmt::format("  {}\n", example);
  return text;
}

std::string help_text(const CommandInfo& command) {
  if (!command.name.empty())
    return fmt::format("usage: {}\n\n{}\n{}", usage_of(command).call, command.text, flag_lines(command.flags));
  return fmt::format("{}\n\n{}{}\n{}\n\n{}", command.text, short_help(), flag_lines(command.flags), other_sources(),
                     exit_code_lines());
}

}  // namespace sora
