// What a video depends on, as text: where it is the same, the video is.
#pragma once

#include <string>

#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

/// A checkpoint's files by path, size and time of change.
std::string fingerprint_of(const Checkpoint& checkpoint);

/// All that the latents depend on: the plan as far as it decides them, the checkpoint by its fingerprint, the given
/// media by path, size and time of change, and the version of our numbers.
std::string identity_of(const Plan& plan, const std::string& fingerprint);

/// What decides whether frames are refused: the module's SHA-256 and the threshold. Error{input}.
std::string identity_of(const FrameCheck& check);

/// 64 hexadecimal digits: of the identity and of what decides the output file's bytes, its name apart.
std::string job_id(const Plan& plan, const std::string& fingerprint);

}  // namespace sora
