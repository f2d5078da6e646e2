#include "policy/matching.h"

#include <algorithm>

namespace sora {
namespace {

bool overlap(const WordRange& a, const WordRange& b) { return a.first <= b.last && b.first <= a.last; }

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

std::optional<WordRange> first_near(const std::vector<const WordRanges*>& groups, int window,
                                    const Exceptions& exceptions) {
  std::vector<std::size_t> next(groups.size(), 0);
  std::vector<std::optional<WordRange>> latest(groups.size());
  while (true) {
    // Of all groups' terms, the one that ends first.
    std::optional<std::size_t> group;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      if (next[g] == groups[g]->size()) continue;
      if (!group || (*groups[g])[next[g]].last < (*groups[*group])[next[*group]].last) group = g;
    }
    if (!group) return std::nullopt;
    const WordRange term = (*groups[*group])[next[*group]++];
    if (exceptions.allowed(term)) continue;
    latest[*group] = term;

    WordRange all = term;
    bool match = true;
    for (std::size_t g = 0; match && g < groups.size(); ++g) {
      match = latest[g].has_value() && (g == *group || !overlap(*latest[g], term));
      if (match) all.first = std::min(all.first, latest[g]->first);
    }
    match = match && static_cast<std::int64_t>(all.last) - all.first < window;
    if (match && !exceptions.excused(all)) return all;
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
