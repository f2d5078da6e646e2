// Prompts that are piped in.
#pragma once

#include <string>
#include <string_view>

namespace sora {

/// At least the first `enough` bytes, or all of it. `flag` ("--prompt -") is for messages; who types it is told to type
/// `what` ("the prompt"). Throws Error{input}.
std::string read_standard_input(std::string_view flag, std::string_view what, std::size_t enough);

}  // namespace sora
