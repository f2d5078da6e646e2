// From --device and --dtype to a place where the model runs on this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"
#include "sora/placement.h"

namespace sora {

/// Throws Error{usage} if CUDA is asked for and the machine has no driver.
Placement resolve_placement(const PlacementWish& wish);

/// Memory that is free there now: of the machine, or of the GPU. Empty if the GPU's driver does not say.
std::optional<std::int64_t> free_memory_bytes(const Placement& placement);

/// What the speed of a render depends on: the GPU, or the CPU and how many of its threads are used.
std::string hardware_name(const Placement& placement);

}  // namespace sora
