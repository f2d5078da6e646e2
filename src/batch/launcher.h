// Which launcher started this process, and as which of how many.
#pragma once

#include <functional>
#include <optional>

#include "sora/group.h"

namespace sora {

/// The value of an environment variable, or nullptr: std::getenv, or a table.
using Environment = std::function<const char*(const char* name)>;

/// The launch by torchrun, srun, or mpirun of Open MPI, MPICH and Intel MPI that this process belongs to; empty if
/// there is none or if it is alone in it. MASTER_ADDR and MASTER_PORT say where its store answers; where they are not
/// set, srun's hosts and the launch's number do. Throws Error{usage}, naming the variable, if the launcher's own are
/// incomplete or contradict each other.
std::optional<Group> find_group(const Environment& environment);

}  // namespace sora
