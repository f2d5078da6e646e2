// Completion for bash 4.4 and later; the package bash-completion is not needed.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completions.h"
#include "cli/generated.h"

namespace sora {
namespace {

constexpr std::string_view kStart = R"sh(# Completion of sora-gen for bash; made by: sora-gen --generate complete-bash

__sora_gen_words() { mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$1" -- "$cur"); }

__sora_gen_paths() {
  compopt -o filenames 2>/dev/null
  mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen "$1" -- "$cur")
}

__sora_gen_models() {
  __sora_gen_words "$(sora-gen models --names 2>/dev/null)"
  __sora_gen_paths -d
}

)sh";

constexpr std::string_view kEnd = R"sh(__sora_gen() {
  COMPREPLY=()
  # bash makes three words of --resize=crop.
  local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]} before=
  (( COMP_CWORD < 2 )) || before=${COMP_WORDS[COMP_CWORD - 2]}
  if [[ $cur = '=' ]]; then
    cur=
  elif [[ $flag = '=' ]]; then
    flag=$before before=
  fi
  _sora_gen
}

complete -F __sora_gen sora-gen
)sh";

std::string offered(const Offer& offer) {
  switch (offer.kind) {
    case Completion::none:
      return ":";
    case Completion::words:
      return fmt::format("__sora_gen_words '{}'", fmt::join(offer.words, " "));
    case Completion::files:
      return "__sora_gen_paths -f";
    case Completion::models:
      return "__sora_gen_models";
  }
  return ":";
}

std::string function(const CommandInfo& command) {
  const int words = words_of(command.name);
  std::string subcommands, next, flags, values, second_values;
  for (const auto& [word, summary] : next_words(command.name)) {
    next += fmt::format("{} ", word);
    const std::string name = command.name.empty() ? std::string(word) : fmt::format("{} {}", command.name, word);
    subcommands += fmt::format("      {}) {}; return ;;\n", word, function_of(name));
  }
  for (const FlagInfo& flag : command.flags) {
    const std::vector<std::string> spelled = spellings(flag);
    flags += fmt::format("{} ", fmt::join(spelled, " "));
    const std::string value = fmt::format("{}) {}; return ;;\n", fmt::join(spelled, "|"), offered(flag.offer));
    if (flag.takes != Takes::nothing) values += "    " + value;
    if (flag.takes == Takes::two_texts) second_values += "    " + value;
  }

  std::string text = function_of(command.name) + "() {\n";
  if (!next.empty()) {
    text += fmt::format("  if (( COMP_CWORD > {} )); then\n    case ${{COMP_WORDS[{}]}} in\n{}    esac\n  fi\n",
                        words + 1, words + 1, subcommands);
  }
  if (!values.empty()) text += fmt::format("  case $flag in\n{}  esac\n", values);
  if (!second_values.empty()) text += fmt::format("  case $before in\n{}  esac\n", second_values);
  text += fmt::format("  if [[ $cur = -* ]]; then __sora_gen_words '{}'; return; fi\n", flags);
  if (!next.empty()) text += fmt::format("  (( COMP_CWORD != {} )) || __sora_gen_words '{}'\n", words + 1, next);
  return text + fmt::format("  {}\n}}\n\n", offered(command.argument));
}

}  // namespace

std::string bash_completion() {
  std::string script(kStart);
  for (const CommandInfo& command : commands()) script += function(command);
  return script + std::string(kEnd);
}

}  // namespace sora
