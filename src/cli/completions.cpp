#include "cli/completions.h"

#include <fmt/format.h>

#include <algorithm>

namespace sora {

std::vector<NextWord> next_words(std::string_view command) {
  const std::size_t start = command.empty() ? 0 : command.size() + 1;
  std::vector<NextWord> words;
  for (const CommandInfo& info : commands()) {
    if (info.name.size() <= start || !info.name.starts_with(command)) continue;
    const std::string_view rest = info.name.substr(start);
    if (rest.find(' ') == std::string_view::npos) words.push_back({rest, info.summary});
  }
  return words;
}

int words_of(std::string_view command) {
  return command.empty() ? 0 : 1 + static_cast<int>(std::count(command.begin(), command.end(), ' '));
}

std::string function_of(std::string_view command) {
  std::string name = "_sora_gen";
  if (!command.empty()) name += '_' + std::string(command);
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

std::vector<std::string> spellings(const FlagInfo& flag) {
  std::vector<std::string> all;
  if (flag.letter != '\0') all.push_back(fmt::format("-{}", flag.letter));
  all.push_back(fmt::format("--{}", flag.name));
  return all;
}

std::string filled(std::string_view script, std::string_view lines) {
  constexpr std::string_view kMark = "@commands@";
  std::string text(script);
  return text.replace(text.find(kMark), kMark.size(), lines);
}

}  // namespace sora
