// Progress on a terminal, as JSON lines, or not at all; always on standard error.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cli/command.h"
#include "sora/progress.h"

namespace sora {

/// `kind` as asked; automatic is a bar if standard error is a terminal, else nothing. A bar is never drawn elsewhere.
std::unique_ptr<Progress> make_progress(ProgressKind kind);
/// As the command asks; --quiet leaves only JSON lines.
std::unique_ptr<Progress> progress_of(const Generate& options);

/// "sample            [#######---------]  44%  7/16 steps  ETA 0:12", no wider than `width` columns.
std::string progress_bar(Stage stage, std::int64_t done, std::int64_t total, std::optional<double> eta_seconds,
                         int width);
/// {"event":"progress","stage":"sample","done":3,"total":16,"seconds":1.2}; seconds since the stage began.
std::string progress_line(Stage stage, std::int64_t done, std::int64_t total, double seconds);

}  // namespace sora
