// The flags of each command as tables: the parser, the config file and --help are built from them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/value.h"

namespace sora {

/// What follows the flag, and so what its value is in a config file: a string, an integer, a number, either number or
/// string.
enum class Takes { nothing, text, integer, number, fraction };

template <class Options>
struct Flag {
  std::string_view group;  ///< heading in --help
  std::string_view name;   ///< long, without dashes; the key in a config file
  char letter = '\0';      ///< short form
  Takes takes = Takes::nothing;
  std::string_view value;  ///< what --help calls the value
  std::string_view help;
  void (*set)(Options&, const Value&) = nullptr;
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
