#include "policy/respelling.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

namespace sora {
namespace {

// The letter that a sign stands for in leetspeak; the sign itself if it stands for none.
char read_leet(char sign) {
  switch (sign) {
    case '0':
      return 'o';
    case '1':
    case '!':
    case '|':
      return 'i';
    case '2':
      return 'z';
    case '3':
      return 'e';
    case '4':
    case '@':
      return 'a';
    case '5':
    case '$':
      return 's';
    case '6':
    case '9':
      return 'g';
    case '7':
    case '+':
      return 't';
    case '8':
      return 'b';
    default:
      return sign;
  }
}

bool is_sign(char32_t c) { return c == '@' || c == '$' || c == '!' || c == '|' || c == '+'; }
bool is_letter_or_digit(char32_t c) { return u_isalnum(static_cast<UChar32>(c)) != 0; }

// Whether a sign is meant as a letter: "a$$", "n!ce", but not "nice!".
bool is_meant(const Letters& letters, std::size_t at) {
  const char32_t c = letters[at].value;
  if (!is_sign(c)) return is_letter_or_digit(c);
  const auto beside = [&](std::size_t other) {
    return other < letters.size() && (is_letter_or_digit(letters[other].value) || letters[other].value == c);
  };
  const bool before = at > 0 && beside(at - 1), after = beside(at + 1);
  return c == '@' || c == '$' ? before || after : before && after;
}

Words words_with_signs(const Letters& letters) {
  Letters kept = letters;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (!is_sign(letters[i].value) || !is_meant(letters, i)) continue;
    // A digit stands for the sign until the word is read; 1 is as ambiguous as the signs that look like it.
    const char sign = static_cast<char>(letters[i].value);
    kept[i].value = sign == '@' ? '4' : sign == '$' ? '5' : sign == '+' ? '7' : '1';
  }
  return split_words(kept);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_small_letter(char c) { return c >= 'a' && c <= 'z'; }

bool is_mixed(std::string_view word) {
  return std::any_of(word.begin(), word.end(), is_digit) && std::any_of(word.begin(), word.end(), is_small_letter);
}

// Beside words that mix letters and digits, short numbers may be words, too: "dr3553d 70 k1ll".
void decode_numbers(Words& words) {
  constexpr std::size_t kLongest = 3;
  const auto mixed = std::count_if(words.begin(), words.end(), [](const Word& word) { return is_mixed(word.text); });
  if (mixed < 2) return;
  for (Word& word : words) {
    if (word.text.size() > kLongest || !std::all_of(word.text.begin(), word.text.end(), is_digit)) continue;
    std::transform(word.text.begin(), word.text.end(), word.text.begin(), read_leet);
  }
}

std::string decoded(const std::string& word, const Lexicon& lexicon) {
  if (!is_mixed(word) || lexicon.is_known(word)) return word;
  std::string ambiguous = word;  // 1 stays
  for (char& c : ambiguous) c = c == '1' ? c : read_leet(c);
  std::string plain = ambiguous;
  std::replace(plain.begin(), plain.end(), '1', 'i');
  if (ambiguous == plain || lexicon.is_known(plain)) return plain;
  const std::string* meant = lexicon.spelled_like(leet_class(ambiguous));
  return meant == nullptr ? plain : *meant;
}

bool is_single(const Word& word) { return word.text.size() == 1; }

// Letters that stand closer together than the rest of a run.
struct Group {
  std::size_t begin = 0;  // its first word
  std::string text;
  bool after_apostrophe = false;
};

// Words [first, last), a letter each, at the gaps that are wider than others. Without such, they are one group.
std::vector<Group> grouped(const Words& words, std::size_t first, std::size_t last, const Lexicon& lexicon) {
  std::uint32_t narrow = words[first + 1].gap;
  for (std::size_t i = first + 1; i < last; ++i) narrow = std::min(narrow, words[i].gap);
  std::vector<Group> groups;
  for (std::size_t i = first; i < last; ++i) {
    const char32_t sign = words[i].sign;
    if (i == first || words[i].gap > narrow) groups.push_back({i, {}, sign == '\'' || sign == U'’'});
    groups.back().text += words[i].text;
  }
  for (Group& group : groups) group.text = decoded(group.text, lexicon);
  return groups;
}

// Whether the groups are words: spaces alone part some, which they do not where all letters are spaced evenly, and most
// are known. Else they are what stands between commas, of as many words as there are.
bool are_words(const std::vector<Group>& groups, const Words& words, const Lexicon& lexicon) {
  const bool spaces = std::any_of(groups.begin() + 1, groups.end(),
                                  [&](const Group& group) { return words[group.begin].sign == U'\0'; });
  const auto known =
      std::count_if(groups.begin(), groups.end(), [&](const Group& group) { return lexicon.is_known(group.text); });
  return spaces && 2 * static_cast<std::size_t>(known) > groups.size();
}

// Words [first, last), a letter each, as the words that they spell.
void append_spelled(Words& out, const Words& words, std::size_t first, std::size_t last, const Lexicon& lexicon) {
  const std::vector<Group> groups = grouped(words, first, last, lexicon);
  const bool marked = are_words(groups, words, lexicon);
  for (const Group& group : groups) {
    std::size_t at = group.begin;
    const bool whole = marked || (!group.after_apostrophe && lexicon.is_known(group.text));
    for (const std::string& piece :
         whole ? std::vector{group.text} : lexicon.segmented(group.text, group.after_apostrophe)) {
      out.push_back({piece, words[at].begin, words[at + piece.size() - 1].end, words[at].gap, words[at].sign});
      at += piece.size();
    }
  }
}

Words with_spelled_joined(const Words& words, const Lexicon& lexicon) {
  constexpr std::size_t kFewest = 3;
  Words out;
  for (std::size_t i = 0; i < words.size();) {
    std::size_t end = i;
    while (end < words.size() && is_single(words[end])) ++end;
    if (end - i >= kFewest) {
      append_spelled(out, words, i, end, lexicon);
      i = end;
    } else {
      out.push_back(words[i]);
      out.back().text = decoded(words[i].text, lexicon);
      ++i;
    }
  }
  return out;
}

// How many words from `first` on make one of the policy's words together; 1 if none do.
std::size_t split_word(const Words& words, std::size_t first, const Lexicon& lexicon, std::string& whole) {
  constexpr std::size_t kMostPieces = 4, kShortest = 4, kLongest = 24;
  std::string text;
  bool strange = false;
  for (std::size_t n = 0; n < kMostPieces && first + n < words.size(); ++n) {
    const std::string& piece = words[first + n].text;
    text += piece;
    if (text.size() > kLongest) break;
    strange = strange || (piece.size() > 1 && !lexicon.is_known(piece));
    if (n == 0 || !strange || text.size() < kShortest || !lexicon.is_term_word(text)) continue;
    whole = text;
    return n + 1;
  }
  return 1;
}

Words with_split_joined(const Words& words, const Lexicon& lexicon) {
  Words out;
  for (std::size_t i = 0; i < words.size();) {
    out.push_back(words[i]);
    const std::size_t pieces = split_word(words, i, lexicon, out.back().text);
    out.back().end = words[i + pieces - 1].end;
    i += pieces;
  }
  return out;
}

}  // namespace

Words respelled(const Letters& letters, const Lexicon& lexicon) {
  Words words = words_with_signs(letters);
  decode_numbers(words);
  return with_split_joined(with_spelled_joined(words, lexicon), lexicon);
}

}  // namespace sora
