// What a single video and the videos of a batch have in common before they are rendered.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/show_plan.h"
#include "sora/checkpoint.h"
#include "sora/group.h"
#include "sora/plan.h"

namespace sora {

/// Size, fps and length of an image or a clip, from the engine. Throws Error{input}.
MediaInfo probe(const std::filesystem::path& media);

/// The ranks that this process is one of; empty if it is alone, or with --launcher none. Throws Error{usage}.
std::optional<Group> launch_group(const Generate& options);

/// Fills the fields of the output's name. `model` is what the user calls the checkpoint, `index` counts from 1.
void name_output(Plan& plan, const std::string& model, const Checkpoint& checkpoint, int index);

/// With what is free now.
PlanContext context_of(const Plan& plan, const Traits& traits, const Checkpoint& checkpoint);

/// What the user may not expect of the video, and whether it may not fit.
void warn_of_surprises(const Request& request, const Plan& plan, const Traits& traits, const PlanContext& context);

}  // namespace sora
