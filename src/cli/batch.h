// sora-gen --prompts: many videos, each with a line in the journal.
#pragma once

#include "cli/command.h"

namespace sora {

/// Whether the command asks for more than one video, or for one out of a file.
bool is_batch(const Generate& command);

/// Throws Error{some_failed} where videos could not be made.
void run_batch(const Generate& command);

}  // namespace sora
