// Lines of prompt files as settings, a video each.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/problems.h"

namespace sora {

enum class PromptFormat {
  text,        ///< .txt: a prompt a line; # begins a comment
  json_lines,  ///< .jsonl: an object a line, keys are long flag names
  csv,         ///< .csv: the header names flags; an empty field is not given
};

inline constexpr int kMostJobs = 100'000;
inline constexpr std::size_t kMostLineBytes = 1 << 20;

/// By the extension. Throws Error{usage} for any but these.
PromptFormat prompt_format(const std::filesystem::path& file);
/// By the first byte that is no space: what stands on standard input is JSON lines or plain text.
PromptFormat prompt_format_of(std::string_view text);

/// `origin` is "prompts.txt:3". What is returned is whether to go on.
using OnPromptLine = std::function<bool(const std::string& origin, Settings settings)>;

/// Calls `on_line` for each line that is right, and adds what is wrong with the others to `problems`. `name` is that of
/// the file, for messages. A mark of byte order and ends of lines with a carriage return are accepted.
void read_prompt_lines(std::string_view text, PromptFormat format, const std::string& name, Problems& problems,
                       const OnPromptLine& on_line);

}  // namespace sora
