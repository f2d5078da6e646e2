// Viterbi search over the pieces of a word.
#include "text/unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

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

// -1 after the end, so that a text comes before those that it begins.
int byte_at(std::string_view text, std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : -1; }

}  // namespace

Unigram::Unigram(std::vector<Piece> pieces) {
  entries_.reserve(pieces.size());
  double smallest = std::numeric_limits<double>::infinity();
  for (Piece& piece : pieces) {
    entries_.push_back({std::move(piece.text), piece.score, static_cast<int>(entries_.size())});
    smallest = std::min<double>(smallest, piece.score);
  }
  unknown_score_ = smallest - kUnknownPenalty;
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.text < b.text; });
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
    // The entries that begin with word[start, end): a run, because they are sorted.
    auto first = entries_.begin(), last = entries_.end();
    for (std::size_t end = start; end < word.size() && first != last;) {
      const std::size_t depth = end - start;
      const int byte = byte_at(word, end++);
      first = std::partition_point(first, last, [&](const Entry& entry) { return byte_at(entry.text, depth) < byte; });
      last = std::partition_point(first, last, [&](const Entry& entry) { return byte_at(entry.text, depth) == byte; });
      if (first == last || first->text.size() != end - start) continue;
      offer(end, {before + first->score, start, first->index});
      covered = covered || end == one_character;
    }
    if (!covered) offer(one_character, {before + unknown_score_, start, kUnknown});
  }
  std::vector<int> indices;
  for (std::size_t end = word.size(); end > 0; end = best[end].start) indices.push_back(best[end].index);
  std::reverse(indices.begin(), indices.end());
  return indices;
}

}  // namespace sora
