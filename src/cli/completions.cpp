#include "cli/completions.h"

#include <fmt/format.h>

#include <algorithm>

namespace sora {

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
