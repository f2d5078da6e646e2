#include "policy/matching.h"

#include <algorithm>
#include <iterator>

namespace sora {
namespace {

bool overlaps_any(const WordRange& range, const std::vector<WordRange>& others) {
  return std::any_of(others.begin(), others.end(),
                     [&](const WordRange& other) { return range.first <= other.last && other.first <= range.last; });
}

bool excused_or_allowed(const WordRange& range, const Exceptions& exceptions) {
  return exceptions.allowed(range) || exceptions.excused(range);
}

}  // namespace

Exceptions::Exceptions(const WordRanges* allow, const WordRanges* unless, int unless_window)
    : allow_(allow), unless_(unless), window_(static_cast<std::uint32_t>(unless_window)) {}

bool Exceptions::allowed(const WordRange& range) const {
  if (allow_ == nullptr) return false;
  // Those that end too early come first. A phrase has a handful of words, so the one that is asked for ends soon.
  constexpr std::uint32_t kLongest = 16;
  auto phrase = std::lower_bound(allow_->begin(), allow_->end(), range.last,
                                 [](const WordRange& entry, std::uint32_t last) { return entry.last < last; });
  for (; phrase != allow_->end() && phrase->last <= range.last + kLongest; ++phrase) {
    if (phrase->first <= range.first) return true;
  }
  return false;
}

bool Exceptions::excused(const WordRange& range) const {
  if (unless_ == nullptr) return false;
  const std::uint32_t from = range.first > window_ ? range.first - window_ : 0;
  const auto word = std::lower_bound(unless_->begin(), unless_->end(), from,
                                     [](const WordRange& entry, std::uint32_t first) { return entry.last < first; });
  return word != unless_->end() && word->first <= range.last + window_;
}

std::optional<WordRange> first_term(const WordRanges& terms, const Exceptions& exceptions) {
  const auto found = std::find_if(terms.begin(), terms.end(),
                                  [&](const WordRange& range) { return !excused_or_allowed(range, exceptions); });
  return found == terms.end() ? std::nullopt : std::optional(*found);
}

std::optional<WordRange> first_near(const std::vector<const WordRanges*>& all_groups, int window,
                                    const Exceptions& exceptions) {
  std::vector<WordRanges> groups;
  for (const WordRanges* group : all_groups) {
    groups.emplace_back();
    std::copy_if(group->begin(), group->end(), std::back_inserter(groups.back()),
                 [&](const WordRange& term) { return !exceptions.allowed(term); });
  }
  std::vector<std::size_t> next(groups.size(), 0);
  while (true) {
    // Of all groups' terms, the one that ends first.
    std::optional<std::size_t> current;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      if (next[g] == groups[g].size()) continue;
      if (!current || groups[g][next[g]].last < groups[*current][next[*current]].last) current = g;
    }
    if (!current) return std::nullopt;
    std::vector<WordRange> chosen{groups[*current][next[*current]++]};
    for (std::size_t g = 0; g < groups.size(); ++g) {
      if (g == *current) continue;
      // The last one before, of which those that share words with what is chosen are few.
      std::size_t n = next[g];
      while (n > 0 && overlaps_any(groups[g][n - 1], chosen)) --n;
      if (n == 0) break;
      chosen.push_back(groups[g][n - 1]);
    }
    if (chosen.size() < groups.size()) continue;
    WordRange all = chosen[0];
    for (const WordRange& term : chosen) all.first = std::min(all.first, term.first);
    if (static_cast<std::int64_t>(all.last) - all.first < window && !exceptions.excused(all)) return all;
  }
}

std::optional<WordRange> first_match(const RE2& pattern, const View& view, const Exceptions& exceptions) {
  // Each try may read the text to its end; who has so many words excused is not excused.
  constexpr int kMostTries = 100;
  const std::string& text = view.text();
  const re2::StringPiece all(text);
  re2::StringPiece found;
  std::size_t at = 0;
  for (int tries = 1; pattern.Match(all, at, text.size(), RE2::UNANCHORED, &found, 1); ++tries) {
    const auto begin = static_cast<std::size_t>(found.data() - text.data());
    std::size_t end = begin + found.size(), first = begin;
    while (first < end && text[first] == ' ') ++first;
    while (end > first && text[end - 1] == ' ') --end;
    if (first < end) {
      const WordRange range{static_cast<std::uint32_t>(view.word_at(first)),
                            static_cast<std::uint32_t>(view.word_at(end - 1))};
      if (tries == kMostTries || !excused_or_allowed(range, exceptions)) return range;
    }
    at = std::max(begin + found.size(), begin + 1);
  }
  return std::nullopt;
}

}  // namespace sora
