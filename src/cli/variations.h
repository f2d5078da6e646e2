// Several videos of one prompt, and the seeds that they have.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/value.h"

namespace sora {

inline constexpr int kMostVariations = 10'000;  ///< of one prompt

/// "1..4", "1,5,9" or "1..3,7", each seed once.
std::vector<std::uint64_t> seeds_of(const Value& value);

/// Throws Error{usage} if --seeds, --seed and --num-videos of one place contradict each other.
void check_variations(const Generate& options);

/// The seed of each variation, in order; empty where it is left open. At least one.
std::vector<std::optional<std::uint64_t>> variation_seeds(const Generate& options);

/// Seeds of a batch where nobody gave one: from the prompt, so that the same command started again means the same
/// videos.
class DerivedSeeds {
 public:
  /// The first 32 bits of SHA-256 of "PROMPT\nK", where K counts how often `next` was called with this prompt before.
  std::uint64_t next(const std::string& prompt);

 private:
  std::map<std::string, std::uint64_t> calls_;
};

}  // namespace sora
