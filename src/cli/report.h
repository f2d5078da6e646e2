// What the process says at its end: results on standard output, errors on standard error.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cli/command.h"

namespace sora {

class Refused;

/// Writes a result and makes sure that it left the process. Throws Error{output}, e.g. for a full disk or a closed
/// pipe.
void write_result(std::string_view text);
/// A name as a line: as it is for a program that reads it, escaped on a terminal.
void write_line(const std::string& name);
/// The same for one JSON object and a newline. Bytes that are not UTF-8 (a file name may have them) become U+FFFD.
void write_json(const nlohmann::ordered_json& object, int indent = 2);

/// Whether messages have colour: on a terminal that is not dumb, unless NO_COLOR is set; everywhere with
/// CLICOLOR_FORCE.
bool wants_colour(bool terminal, const Variables& variables);

/// Messages at or above the level of --quiet, --verbose or neither go to standard error as "sora-gen: level: text".
/// With `colour`, errors are red and warnings yellow.
void start_messages(bool colour);
void set_message_level(bool quiet, bool verbose);

/// "sora-gen: refused: MESSAGE" on standard error; `origin` in front of the message unless it is empty.
void say_refused(const std::string& origin, const std::string& message);
/// The same and, if `json`, also {"exit": 8, "error": message, "code": "policy_refused", ...} on standard output.
void report_refusal(const Refused& refused, bool json) noexcept;

/// The JSON's "code" where frames are refused.
inline constexpr std::string_view kFramesRefused = "frames_refused";

/// The message on standard error and, if `json`, also {"exit": code, "error": message} on standard output.
/// Of Fault::refused, as frames are, it is "sora-gen: refused: MESSAGE", and the JSON has the code, too.
void report_failure(int exit_code, const std::string& message, bool json) noexcept;

}  // namespace sora
