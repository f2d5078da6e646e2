// How often a policy refuses what it should and what it should not, on prompts that somebody has sorted.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace sora {

/// How the same prompts are written.
enum class Disguise {
  none,
  homoglyphs,     ///< Cyrillic and Greek letters that look the same
  leet,           ///< a is 4, e is 3 ...
  spaced,         ///< l e t t e r s, and three spaces between words
  spaced_evenly,  ///< the same with one space between words, too
  zero_width,     ///< a zero-width space after every letter
};
inline constexpr Disguise kDisguises[] = {Disguise::none,   Disguise::homoglyphs,    Disguise::leet,
                                          Disguise::spaced, Disguise::spaced_evenly, Disguise::zero_width};
std::string_view to_string(Disguise disguise);
std::string disguised(std::string_view text, Disguise disguise);

struct Interval {
  double low = 0, high = 1;
};
/// Of a share of `hits` in `count`, at 95 % (E. B. Wilson 1927); [0, 1] of none.
Interval wilson(std::size_t hits, std::size_t count);

/// Of what is refused, how much should be: `recall` of `prevalence` against `false_positives` of the rest. NaN if
/// nothing is refused.
double precision(double recall, double false_positives, double prevalence);

struct PromptSet {
  std::string name;                  ///< of the file, without extension
  std::vector<std::string> prompts;  ///< lines; not the empty ones, nor those that begin with #
};
/// Throws Error{input} for a file that cannot be read, is not UTF-8 or has no prompt.
PromptSet read_prompt_set(const std::filesystem::path& file);
/// The files *.txt of a folder, sorted by name. Throws Error{input} if there is none.
std::vector<PromptSet> read_prompt_sets(const std::filesystem::path& folder);

struct Rate {
  std::size_t hits = 0, count = 0;
  double share() const { return count == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(count); }
};

/// Of the prompts of a set, how many are refused: for whatever reason, and for the category that the set is named
/// after, if it is one of ours.
struct SetResult {
  std::string name;
  bool is_category = false;
  Rate refused, as_category;
};

struct DisguiseResult {
  Disguise disguise = Disguise::none;
  std::vector<SetResult> positives;
  Rate false_positives;
};

std::vector<DisguiseResult> measure(const Policy& policy, const std::vector<PromptSet>& positives,
                                    const PromptSet& negatives);

}  // namespace sora
