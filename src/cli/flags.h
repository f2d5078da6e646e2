// The flags of each command as tables: the parser, the config file and --help are built from them.
#pragma once

#include <span>
#include <string>
#include <string_view>

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
  video,         ///< in a config file, and for one video by a line of a prompt file
  run,           ///< in a config file: it holds for all videos
  command_line,  ///< nowhere
};

template <class Options>
struct Flag {
  std::string_view group;  ///< heading in --help
  std::string_view name;   ///< long, without dashes; the key in a config file
  char letter = '\0';      ///< short form
  Takes takes = Takes::nothing;
  std::string_view value;  ///< what --help calls the value
  std::string_view help;
  void (*set)(Options&, const Value&) = nullptr;  ///< called for each value, in order
  Scope scope = Scope::video;
};

std::span<const Flag<Generate>> generate_flags();
std::span<const Flag<Inspect>> inspect_flags();
std::span<const Flag<Doctor>> doctor_flags();

/// Usage and examples, for a bare sora-gen.
std::string_view short_help();
/// Also all flags, a line each, under the groups' headings.
std::string generate_help();
std::string inspect_help();
std::string doctor_help();

}  // namespace sora
