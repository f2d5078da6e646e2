// What a single video and the videos of a batch have in common before they are rendered.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/render_times.h"
#include "cli/show_plan.h"
#include "sora/checkpoint.h"
#include "sora/group.h"
#include "sora/plan.h"
#include "sora/progress.h"

namespace sora {

/// Size, fps and length of an image or a clip, from the engine. Throws Error{input}.
MediaInfo probe(const std::filesystem::path& media);

/// The ranks that this process is one of; empty if it is alone, or with --launcher none. Throws Error{usage}.
std::optional<Group> launch_group(const Generate& options);

/// What only a finished plan can say of its output: the fields of its name, and the settings that an MP4 carries.
/// `said` are the video's settings, `index` is its number in the batch, from 1.
void settle_output(Plan& plan, const Generate& options, const Settings& said, const Checkpoint& checkpoint, int index);

/// With what is free now, and how long it takes.
PlanContext context_of(const Plan& plan, const Traits& traits, const Checkpoint& checkpoint, const RenderTimes& times);

/// Measures how long a plan like this takes, by a short render.
void calibrate(const Plan& plan, const Traits& traits, const Checkpoint& checkpoint, const RenderTimes& times,
               Progress& progress);

/// Makes room where the plan has none, by what costs nothing.
void make_room(Plan& plan, const Traits& traits, const PlanContext& context);

/// --fit. Throws Error{usage} where it is not known what is free, {memory} where nothing makes the plan fit.
void fit_to_memory(Plan& plan, const Traits& traits, PlanContext& context);

/// What the user may not expect of the video, and whether it may not fit.
void warn_of_surprises(const Request& request, const Plan& plan, const Traits& traits, const PlanContext& context);

}  // namespace sora
