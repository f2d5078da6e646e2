#include "render/forcing_schedule.h"

#include <algorithm>

#include "sora/error.h"

namespace sora {

// Levels of a block: 0 pure noise, 1 ... n before the scheduler's steps 0 ... n - 1, n + 1 clean. Each call, a block
// goes up by one as soon as the block before it is `ar_step` ahead, or done.
std::vector<ForcingRow> forcing_rows(int frames, int scheduler_steps, const Forcing& forcing, int known) {
  require(frames % forcing.block == 0, Fault::bug, "{} latent frames in blocks of {}", frames, forcing.block);
  const int clean = scheduler_steps + 1;
  std::vector<int> levels(static_cast<std::size_t>(frames / forcing.block), 0);
  std::fill_n(levels.begin(), known / forcing.block, clean);

  std::vector<ForcingRow> rows;
  while (std::any_of(levels.begin(), levels.end(), [&](int level) { return level < clean - 1; })) {
    const std::vector<int> before = levels;
    int ahead = 0;  // level of the block before, which may be beyond `clean` here
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const bool free = i == 0 || before[i - 1] >= clean - 1;
      ahead = free ? before[i] + 1 : ahead - forcing.ar_step;
      levels[i] = ahead;
    }
    ForcingRow& row = rows.emplace_back();
    for (std::size_t i = 0; i < levels.size(); ++i) {
      levels[i] = std::clamp(levels[i], 0, clean);
      for (int t = 0; t < forcing.block; ++t) {
        row.steps.push_back(levels[i] - 1);
        row.moves.push_back(levels[i] != before[i] && levels[i] != clean);
      }
    }
    // The reference denoises a known frame again if it fills no block; here it stays.
    for (int t = 0; t < known; ++t) {
      row.steps[static_cast<std::size_t>(t)] = scheduler_steps;
      row.moves[static_cast<std::size_t>(t)] = false;
    }
  }
  return rows;
}

}  // namespace sora
