// Completion for fish.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completions.h"
#include "cli/generated.h"

namespace sora {
namespace {

constexpr std::string_view kStart = R"sh(# Completion of sora-gen for fish; made by: sora-gen --generate complete-fish

# __sora_gen_is COMMAND [N]: true on a command line of COMMAND, of N words so far.
function __sora_gen_is
    set -l words (commandline -opc)
    set -l typed "$words[2..] "
    set -l command ''
@commands@    test "$command" = "$argv[1]"; or return
    set -q argv[2]; or return 0
    test (count $words) -eq $argv[2]
end

function __sora_gen_models
    sora-gen models --names 2>/dev/null
    __fish_complete_directories (commandline -ct)
end

# __sora_gen_after FLAG: true where the word before the last one is FLAG, which takes two.
function __sora_gen_after
    set -l words (commandline -opc)
    test (count $words) -gt 2; and test "$words[-2]" = "$argv[1]"
end

complete -c sora-gen -f
)sh";

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char letter : text) {
    if (letter == '\\' || letter == '\'') out += '\\';
    out += letter;
  }
  return out + "'";
}

std::string offered(const Offer& offer) {
  switch (offer.kind) {
    case Completion::none:
      return " -x";
    case Completion::words:
      return fmt::format(" -x -a {}", in_quotes(fmt::format("{}", fmt::join(offer.words, " "))));
    case Completion::files:
      return " -r -F";
    case Completion::models:
      return " -x -a '(__sora_gen_models)'";
  }
  return "";
}

std::string lines_of(const CommandInfo& command) {
  const std::string is = fmt::format("__sora_gen_is \"{}\"", command.name);
  std::string lines = "\n";
  for (const auto& [word, summary] : next_words(command.name)) {
    lines += fmt::format("complete -c sora-gen -n '{} {}' -a {} -d {}\n", is, words_of(command.name) + 1, word,
                         in_quotes(summary));
  }
  for (const FlagInfo& flag : command.flags) {
    const std::string letter = flag.letter == '\0' ? "" : fmt::format(" -s {}", flag.letter);
    const std::string value = flag.takes == Takes::nothing ? "" : offered(flag.offer);
    lines += fmt::format("complete -c sora-gen -n '{}'{} -l {}{} -d {}\n", is, letter, flag.name, value,
                         in_quotes(flag.help));
    // fish knows of one value a flag.
    if (flag.takes == Takes::two_texts)
      lines += fmt::format("complete -c sora-gen -n '__sora_gen_after --{}' -F\n", flag.name);
  }
  if (command.argument.kind == Completion::models)
    lines += fmt::format("complete -c sora-gen -n '{}' -a '(__sora_gen_models)'\n", is);
  return lines;
}

}  // namespace

std::string fish_completion() {
  std::string names, script;
  for (const CommandInfo& command : commands()) {
    script += lines_of(command);
    if (!command.name.empty())
      names += fmt::format("    string match -q '{} *' -- $typed; and set command '{}'\n", command.name, command.name);
  }
  return filled(kStart, names) + script;
}

}  // namespace sora
