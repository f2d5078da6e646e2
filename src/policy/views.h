// Three views of a text, in which whoever writes "nude", "NUDE", "nudе" (with a Cyrillic letter), "n.u.d.e", "nu de" or
// "nud3" has written the same word. Each view is a sequence of words; each word knows its bytes in the text.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sora {

class Lexicon;

/// A code point of a view, and the bytes of the text that it stands for.
struct Letter {
  char32_t value = 0;
  std::uint32_t begin = 0, end = 0;
};
using Letters = std::vector<Letter>;

struct Word {
  std::string text;
  std::uint32_t begin = 0, end = 0;  ///< bytes of the text
  std::uint32_t gap = 0;             ///< letters between the word before and this one
  char32_t sign = 0;                 ///< the last of these that is no white space
};
using Words = std::vector<Word>;

/// Words as one text that patterns and terms are looked for in: " a red ball ", with a space at either end.
class View {
 public:
  explicit View(Words words);
  const std::string& text() const { return text_; }
  const Words& words() const { return words_; }
  /// The word that has, or follows, the byte of text().
  std::size_t word_at(std::size_t byte) const;

 private:
  Words words_;
  std::string text_;
  std::vector<std::uint32_t> starts_;  // of each word in text_
};

/// Unicode's NFKC_Casefold without marks; references such as &#110; are what they stand for, as they are for the text
/// encoder.
Letters folded(std::string_view text);
/// The same with letters of other scripts replaced by the ASCII letters that they look like (ICU's uspoof skeletons).
Letters without_look_alikes(std::string_view text);

/// Runs of letters and digits. Letters of scripts without spaces are words of their own.
Words split_words(const Letters& letters);

/// As terms are stored: the words of `term`, with single spaces.
std::string folded_term(std::string_view term);
std::string look_alike_term(std::string_view term);
/// "hot" and "dog" of "hot dog".
std::vector<std::string> words_of(std::string_view folded_term);

/// folded(), without_look_alikes() with words like "rnurder" for "murder", and the same respelled(), see
/// policy/respelling.h.
std::array<View, 3> views_of(std::string_view text, const Lexicon& lexicon);

}  // namespace sora
