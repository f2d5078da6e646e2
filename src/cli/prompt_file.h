// From one command to its videos: the lines of --prompts, and the variations of --seeds and --num-videos.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/prompt_lines.h"

namespace sora {

/// One video of a batch.
struct BatchLine {
  std::string origin;  ///< "prompts.txt:3", or "--prompt"
  int index = 1;       ///< of this video, from 1
  Generate options;    ///< of this video alone: without prompts, seeds, num_videos and settings
};

/// All videos that a command asks for; a single one, as it is, if it has neither --prompts nor variations. In a batch
/// every video has a seed and an output's name. Throws one Error{usage} for all that is wrong, a line each. The prompt
/// of the command itself must have been read: "-" is a prompt here.
std::vector<BatchLine> batch_lines(const Generate& command);

/// The same for the content of a prompt file.
std::vector<BatchLine> batch_lines(const Generate& command, std::string_view text, PromptFormat format,
                                   const std::string& name);

}  // namespace sora
