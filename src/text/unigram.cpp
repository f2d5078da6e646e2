#include "text/unigram.h"

#include <algorithm>
#include <limits>
#include <ranges>
#include <span>

namespace sora {
namespace {

// An unknown character is this much less probable than the rarest piece.
constexpr double kUnknownPenalty = 10;

// The last step of the best segmentation of a word's beginning: the piece `index`, which starts at byte `start`.
struct Step {
  double score = -std::numeric_limits<double>::infinity();
  std::size_t start = 0;
  int index = Unigram::kUnknown;
};

std::size_t character_bytes(std::string_view utf8, std::size_t start) {
  std::size_t end = start + 1;
  while (end < utf8.size() && (static_cast<unsigned char>(utf8[end]) & 0xC0) == 0x80) ++end;
  return end - start;
}

}  // namespace

Unigram::Unigram(const std::vector<Piece>& pieces) {
  entries_.reserve(pieces.size());
  double smallest = std::numeric_limits<double>::infinity();
  for (const Piece& piece : pieces) {
    entries_.push_back({piece.text, piece.score, static_cast<int>(entries_.size())});
    smallest = std::min<double>(smallest, piece.score);
  }
  unknown_score_ = smallest - kUnknownPenalty;
  std::ranges::sort(entries_, {}, &Entry::text);
}

std::vector<int> Unigram::segment(std::string_view word) const {
  std::vector<Step> best(word.size() + 1);  // by where the piece ends
  best[0].score = 0;
  const auto offer = [&](std::size_t end, const Step& step) {
    if (step.score > best[end].score) best[end] = step;  // of equals the first: the one with the longer last piece
  };
  for (std::size_t start = 0; start < word.size(); start += character_bytes(word, start)) {
    const double before = best[start].score;
    const std::size_t one_character = start + character_bytes(word, start);
    bool covered = false;
    std::span<const Entry> candidates = entries_;  // those that agree with word[start, end)
    for (std::size_t end = start; end < word.size() && !candidates.empty();) {
      const std::size_t depth = end - start;
      const auto byte_at_depth = [&](const Entry& entry) {
        return depth < entry.text.size() ? static_cast<unsigned char>(entry.text[depth]) : -1;
      };
      candidates = std::ranges::equal_range(candidates, static_cast<unsigned char>(word[end]), {}, byte_at_depth);
      ++end;
      if (candidates.empty() || candidates.front().text.size() != end - start) continue;
      offer(end, {before + candidates.front().score, start, candidates.front().index});
      covered = covered || end == one_character;
    }
    if (!covered) offer(one_character, {before + unknown_score_, start, kUnknown});
  }
  std::vector<int> indices;
  for (std::size_t end = word.size(); end > 0; end = best[end].start) indices.push_back(best[end].index);
  std::ranges::reverse(indices);
  return indices;
}

}  // namespace sora
