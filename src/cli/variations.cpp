#include "cli/variations.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_set>

#include "base/sha256.h"
#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr std::string_view kForm = "seeds such as 1..4 or 1,5,9 or 1..3,7";

struct SeedRange {
  std::uint64_t first = 0, last = 0;
};

// "7" or "1..4".
SeedRange range_of(const Value& value, std::string_view item) {
  const std::size_t dots = item.find("..");
  const auto seed = [&](std::string_view text) {
    if (text.empty()) value.fail_expected(kForm);
    return Value{value.origin, std::string(text)}.unsigned_integer();
  };
  const std::uint64_t first = seed(item.substr(0, dots));
  const SeedRange range{first, dots == item.npos ? first : seed(item.substr(dots + 2))};
  if (range.last < range.first) value.fail_expected(fmt::format("{}; {} goes backwards", kForm, printable(item)));
  return range;
}

}  // namespace

std::vector<std::uint64_t> seeds_of(const Value& value) {
  std::vector<std::uint64_t> seeds;
  std::unordered_set<std::uint64_t> known;
  for (std::size_t begin = 0; begin <= value.text.size();) {
    const std::size_t end = std::min(value.text.find(',', begin), value.text.size());
    const SeedRange range = range_of(value, std::string_view(value.text).substr(begin, end - begin));
    if (range.last - range.first >= std::uint64_t{kMostVariations} - seeds.size()) {
      value.fail_expected(fmt::format("at most {} seeds", kMostVariations));
    }
    for (std::uint64_t i = 0; i <= range.last - range.first; ++i) {
      seeds.push_back(range.first + i);
      if (!known.insert(seeds.back()).second)
        value.fail_expected(fmt::format("each seed once; {} is there twice", seeds.back()));
    }
    begin = end + 1;
  }
  return seeds;
}

void check_variations(const Generate& options) {
  if (!options.seeds.empty()) {
    require(!options.request.seed, Fault::usage, "--seeds and --seed both say the seed; give one of them");
    require(!options.num_videos, Fault::usage,
            "--seeds and --num-videos both say how many videos there are; give one of them");
  }
  if (!options.request.seed || !options.num_videos) return;
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
  require(*options.request.seed <= kLast - static_cast<std::uint64_t>(*options.num_videos - 1), Fault::usage,
          "--seed {} --num-videos {}: the seeds would pass {}", *options.request.seed, *options.num_videos, kLast);
}

std::vector<std::optional<std::uint64_t>> variation_seeds(const Generate& options) {
  if (!options.seeds.empty()) return {options.seeds.begin(), options.seeds.end()};
  std::vector<std::optional<std::uint64_t>> seeds(static_cast<std::size_t>(options.num_videos.value_or(1)),
                                                  options.request.seed);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    if (seeds[i]) *seeds[i] += i;
  }
  return seeds;
}

std::uint64_t DerivedSeeds::next(const std::string& prompt) {
  constexpr std::size_t kDigits = 8;
  const std::string hash = sha256_hex(fmt::format("{}\n{}", prompt, calls_[prompt]++));
  return std::stoull(hash.substr(0, kDigits), nullptr, 16);
}

}  // namespace sora
