// A unigram language model, which cuts a word into its most probable pieces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sora {

/// Hugging Face's `Unigram`. libsentencepiece has the same model but adds log probabilities up in single precision: of
/// two segmentations that are equally good ("5" + "55", "55" + "5") rounding then picks one, and not always the one
/// that transformers, which adds up in double precision, picks.
class Unigram {
 public:
  struct Piece {
    std::string text;  ///< not empty, distinct
    float score = 0;   ///< log probability
  };
  explicit Unigram(std::vector<Piece> pieces);

  /// Indices of the pieces that make up `word` (valid UTF-8); kUnknown for a character that no piece covers.
  std::vector<int> segment(std::string_view word) const;
  static constexpr int kUnknown = -1;

 private:
  struct Entry {
    std::string text;
    double score;
    int index;
  };
  std::vector<Entry> entries_;  // sorted by text, byte by byte
  double unknown_score_;
};

}  // namespace sora
