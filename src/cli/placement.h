// From --device and --dtype to a place where the model runs on this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"
#include "sora/group.h"
#include "sora/placement.h"

namespace sora {

/// A rank of `group` has the GPU of its number on its machine, where --device names none. Throws Error{usage} if CUDA
/// is asked for and the machine has no driver, or no GPU for this rank.
Placement resolve_placement(const PlacementWish& wish, const std::optional<Group>& group);

/// The index, as CUDA counts, of a rank's GPU. `visible` is CUDA_VISIBLE_DEVICES, nullptr if it is not set; `installed`
/// GPUs are empty where nobody knows. A launcher that shows each rank one GPU has chosen it.
int gpu_of_rank(const Group& group, const char* visible, std::optional<int> installed);

/// Memory that is free there now: of the machine, or of the GPU. Empty if the GPU's driver does not say.
std::optional<std::int64_t> free_memory_bytes(const Placement& placement);

/// What the speed of a render depends on: the GPU, or the CPU and how many of its threads are used.
std::string hardware_name(const Placement& placement);

}  // namespace sora
