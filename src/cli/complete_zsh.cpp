// Completion for zsh, by its function _arguments.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completions.h"
#include "cli/generated.h"

namespace sora {
namespace {

constexpr std::string_view kStart = R"sh(#compdef sora-gen
# Completion of sora-gen for zsh; made by: sora-gen --generate complete-zsh

__sora_gen_models() {
  local -a names=(${(f)"$(command sora-gen models --names 2>/dev/null)"})
  _alternative 'models:model:compadd -a names' 'folders:folder:_files -/'
}

)sh";

constexpr std::string_view kEnd = R"sh(if [[ $funcstack[1] = _sora-gen ]]; then
  _sora_gen "$@"
else
  compdef _sora_gen sora-gen
fi
)sh";

// Between single quotes, and in a part of a specification that ends at a colon or a bracket.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '\'') {
      out += "'\\''";
      continue;
    }
    if (std::string_view("\\:[]").find(letter) != std::string_view::npos) out += '\\';
    out += letter;
  }
  return out;
}

std::string action(const Offer& offer) {
  switch (offer.kind) {
    case Completion::none:
      return " ";
    case Completion::words:
      return fmt::format("({})", fmt::join(offer.words, " "));
    case Completion::files:
      return "_files";
    case Completion::models:
      return "__sora_gen_models";
  }
  return " ";
}

std::string specifications(const FlagInfo& flag) {
  const bool one_value = flag.takes != Takes::nothing && flag.takes != Takes::two_texts;
  std::string value;
  if (flag.takes != Takes::nothing) value = fmt::format(":{}:{}", escaped(flag.value), action(flag.offer));
  if (flag.takes == Takes::two_texts) value += value;
  const std::vector<std::string> spelled = spellings(flag);
  const std::string how_often =
      flag.takes == Takes::texts ? "*" : fmt::format("({})", fmt::join(spelled, " "));  // once, in any spelling
  std::string lines;
  for (const std::string& spelling : spelled) {
    lines += fmt::format("    '{}{}{}[{}]{}'\n", how_often, spelling,
                         one_value && spelling.starts_with("--") ? "=" : "", escaped(flag.help), value);
  }
  return lines;
}

std::string function(const CommandInfo& command) {
  std::string text = function_of(command.name) + "() {\n";
  std::string subcommands, next;
  for (const auto& [word, summary] : next_words(command.name)) {
    const std::string name = command.name.empty() ? std::string(word) : fmt::format("{} {}", command.name, word);
    subcommands += fmt::format("      {}) shift words; (( CURRENT-- )); {}; return ;;\n", word, function_of(name));
    next += fmt::format("{}{}\\:\"{}\"", next.empty() ? "" : " ", word, escaped(summary));
  }
  if (!next.empty())
    text += fmt::format("  if (( CURRENT > 2 )); then\n    case $words[2] in\n{}    esac\n  fi\n", subcommands);
  text += "  local -a specifications=(\n";
  for (const FlagInfo& flag : command.flags) text += specifications(flag);
  if (command.argument.kind != Completion::none)
    text += fmt::format("    '*:{}:{}'\n", escaped(command.arguments), action(command.argument));
  text += "  )\n";
  if (!next.empty()) text += fmt::format("  (( CURRENT > 2 )) || specifications+=('1:command:(({}))')\n", next);
  return text + "  _arguments -s : $specifications\n}\n\n";
}

}  // namespace

std::string zsh_completion() {
  std::string script(kStart);
  for (const CommandInfo& command : commands()) script += function(command);
  return script + std::string(kEnd);
}

}  // namespace sora
