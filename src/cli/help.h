// --help, and what a call without a prompt is answered with.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "cli/flags.h"

namespace sora {

/// Ways to call the program, in order, each "sora-gen ..." and what it does.
struct Usage {
  std::string call;
  std::string_view summary;
};
Usage usage_of(const CommandInfo& command);

inline constexpr std::array<std::string_view, 4> kExamples{
    R"(sora-gen --prompt "a red circle moves to the right" -o circle.mp4)",
    R"(sora-gen -p "a cat in the snow" -m Wan-AI/Wan2.1-T2V-1.3B-Diffusers --seconds 5 --dry-run)",
    R"(echo "a cat in the snow" | sora-gen --prompt - --seed 7 --json)",
    R"(sora-gen -p "the ball bounces on" --extend circle.mp4 --seconds 10 -o longer.mp4)"};

struct ExitCode {
  std::string_view code, meaning;
};
inline constexpr std::array<ExitCode, 10> kExitCodes{{{"0", "done"},
                                                      {"1", "a bug of ours"},
                                                      {"2", "usage or config"},
                                                      {"3", "some videos of a batch failed"},
                                                      {"4", "bad model or input file"},
                                                      {"5", "output"},
                                                      {"6", "out of memory"},
                                                      {"7", "what was verified does not hold"},
                                                      {"8", "a prompt or frames are refused"},
                                                      {"130 and 143", "interrupted"}}};

/// Where flags come from besides the command line: one paragraph.
std::string other_sources();

/// Usage and examples, for a bare sora-gen.
std::string short_help();
/// Also all flags of the command, a line each, under the groups' headings.
std::string help_text(const CommandInfo& command);

}  // namespace sora
