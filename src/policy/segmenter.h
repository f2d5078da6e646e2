// Where the words are in letters that have no spaces between them: "anudewoman" is "a nude woman".
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "policy/aho_corasick.h"

namespace sora {

/// What makes a form of a common word: "bottles", "mixing".
inline constexpr std::string_view kFormEndings[] = {"s", "es", "ed", "d", "ing", "er", "ers", "ly"};

class Segmenter {
 public:
  using Texts = std::unordered_set<std::string>;
  /// Common words, the words of the policy's terms, and those of its terms that have several, with single spaces.
  Segmenter(const Texts& common, const Texts& term_words, const Texts& phrases);

  /// The words of the likeliest reading; what is no known word stays together. After an apostrophe "s" may be a word.
  std::vector<std::string> words_in(std::string_view run, bool after_apostrophe) const;

 private:
  struct Entry {
    std::string letters;
    std::vector<std::size_t> words;  // their lengths
    int cost = 0;
  };
  void add(const std::string& text, int cost);
  void add_forms(const std::string& word);
  void add_phrase(const std::string& phrase);
  int cost_of(const std::string& word) const;
  std::vector<std::string> letters() const;

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> numbers_;  // of the entries, by their letters
  AhoCorasick finder_;
};

}  // namespace sora
