// The words that a text in disguise is held against: those of the policy's terms, and common ones.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace sora {

/// `word` with what leetspeak may mean by a sign that has several readings as one letter: 1, !, | and i are l.
std::string leet_class(std::string_view word);

class Segmenter;

class Lexicon {
 public:
  /// Folded words; `phrases` are the terms that have several, with single spaces.
  Lexicon(std::unordered_set<std::string> term_words, std::unordered_set<std::string> common_words,
          std::unordered_set<std::string> phrases = {});
  ~Lexicon();

  bool is_term_word(const std::string& word) const { return term_words_.contains(word); }
  /// Also forms of common words: "bottles", "mixing".
  bool is_common(const std::string& word) const;
  bool is_known(const std::string& word) const { return is_common(word) || is_term_word(word); }
  /// The term's word that looks like `word` (uspoof skeletons), if there is one and `word` is none itself.
  const std::string* look_alike(const std::string& word) const;
  /// The known word with this leet_class().
  const std::string* spelled_like(const std::string& leet_class) const;
  /// "anudewoman" as "a", "nude", "woman"; see Segmenter::words_in().
  std::vector<std::string> segmented(std::string_view run, bool after_apostrophe = false) const;

 private:
  std::unordered_set<std::string> term_words_, common_, phrases_;

  // Made when they are first needed: few prompts are disguised, and fewer spelled.
  struct Alike;
  const Alike& alike() const;
  const Segmenter& segmenter() const;
  mutable std::once_flag alike_once_, segmenter_once_;
  mutable std::unique_ptr<const Alike> alike_;
  mutable std::unique_ptr<const Segmenter> segmenter_;
};

}  // namespace sora
