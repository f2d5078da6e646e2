// The commands and their flags as tables: the parser, the config file, the environment, --help, the manual page and the
// shells' completions are made of them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/value.h"

namespace sora {

/// What follows the flag, and so what its value is in a config file.
enum class Takes {
  nothing,
  text,       ///< a string
  two_texts,  ///< two words; an array of two strings
  texts,      ///< one word each time that the flag is given; a string or an array of strings
  integer,
  number,
  fraction,  ///< a number or a string
};

/// Where a flag may be said besides the command line.
enum class Scope {
  video,         ///< in a config file and in the environment, and for one video by a line of a prompt file
  run,           ///< in a config file and in the environment: it holds for all videos
  command_line,  ///< nowhere
};

/// What a shell completes a value with.
enum class Completion { none, words, files, models };

struct Offer {
  Completion kind = Completion::none;
  std::span<const std::string_view> words = {};
  bool only = false;  ///< nothing but `words` is right; checked before Flag::set
};
constexpr Offer one_of(std::span<const std::string_view> words) { return {Completion::words, words, true}; }
constexpr Offer such_as(std::span<const std::string_view> words) { return {Completion::words, words}; }
inline constexpr Offer kFiles{Completion::files}, kModels{Completion::models};

/// A flag as it is described.
struct FlagInfo {
  std::string_view group;  ///< heading in --help
  std::string_view name;   ///< long, without dashes; the key in a config file
  char letter = '\0';      ///< short form
  Takes takes = Takes::nothing;
  std::string_view value;  ///< what --help calls the value
  std::string_view help;
  Scope scope = Scope::video;
  Offer offer;
};

/// The same with what it does, in the order in which tables are easiest to read.
template <class Options>
struct Flag {
  std::string_view group, name;
  char letter = '\0';
  Takes takes = Takes::nothing;
  std::string_view value, help;
  void (*set)(Options&, const Value&) = nullptr;  ///< called for each value, in order
  Scope scope = Scope::video;
  Offer offer = {};

  FlagInfo info() const { return {group, name, letter, takes, value, help, scope, offer}; }
};

std::span<const Flag<Generate>> generate_flags();
std::span<const Flag<Inspect>> inspect_flags();
std::span<const Flag<Doctor>> doctor_flags();
std::span<const Flag<Models>> models_flags();
std::span<const Flag<VerifyModels>> verify_models_flags();
std::span<const Flag<Keygen>> keygen_flags();
std::span<const Flag<Verify>> verify_flags();
std::span<const Flag<VerifyAudit>> verify_audit_flags();
std::span<const Flag<PolicyShow>> policy_flags();
std::span<const Flag<PolicyCheck>> policy_check_flags();
std::span<const Flag<PolicyEval>> policy_eval_flags();

struct CommandInfo {
  std::string_view name;       ///< "models verify"; empty for what is done without a command
  std::string_view arguments;  ///< "[MODEL]"
  std::string_view summary;    ///< half a line
  std::string_view text;       ///< sentences
  Offer argument;              ///< what `arguments` are
  std::vector<FlagInfo> flags;
};
/// The one without a name first; "models" before "models verify".
std::vector<CommandInfo> commands();

struct NextWord {
  std::string_view word, summary;
};
/// The words that make another command of `command`, which may be empty: "verify" for "models".
std::vector<NextWord> next_words(std::string_view command);

}  // namespace sora
