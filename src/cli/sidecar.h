// OUTPUT.json, beside a video: all that makes it again, and what came of it. The video holds the first part, too.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/command.h"
#include "cli/show_plan.h"
#include "sora/engine.h"

namespace sora {

bool writes_sidecar(const Generate& options);
std::filesystem::path sidecar_path(const std::filesystem::path& output);

/// {"sora-gen": VERSION, "settings": {...}}: flags by their long names, as the user said them and, where nothing was
/// said, as the plan answers them. Where the video goes is no part of it.
nlohmann::ordered_json settings_json(const Settings& said, const Plan& plan);

/// The same as text, for OutputOptions::metadata.
std::string settings_text(const Settings& said, const Plan& plan);

/// Which model it was: its family, its folder and the digests of its files.
nlohmann::ordered_json model_json(const Checkpoint& checkpoint, const std::string& family);

/// settings_json(), the result and `model`; published like the video.
void write_sidecar(const Settings& said, const Plan& plan, const JobResult& result,
                   const nlohmann::ordered_json& model);

/// The settings in a sidecar (.json), or in a video that sora-gen has made. Throws Error{input} for a file that has
/// none, {usage} for settings that this version does not know.
Settings settings_from(const std::filesystem::path& file);

}  // namespace sora
