#include "policy/views.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "base/text.h"
#include "policy/lexicon.h"
#include "policy/respelling.h"
#include "policy/skeleton.h"
#include "sora/error.h"

namespace sora {
namespace {

using Fold = std::u32string (*)(char32_t);

const icu::Normalizer2& form(const icu::Normalizer2* (*instance)(UErrorCode&)) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* found = instance(status);
  require(U_SUCCESS(status), Fault::bug, "ICU cannot normalise a text: {}", u_errorName(status));
  return *found;
}

bool is_mark(UChar32 c) { return u_charType(c) == U_NON_SPACING_MARK || u_charType(c) == U_ENCLOSING_MARK; }

char32_t ascii_lower(char32_t c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

// Letters of one code point; whatever stands around it, they are the same.
std::u32string fold(char32_t c) {
  if (c < 128) return {ascii_lower(c)};
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString text(static_cast<UChar32>(c));
  for (const auto instance : {icu::Normalizer2::getNFKCCasefoldInstance, icu::Normalizer2::getNFDInstance}) {
    text = form(instance).normalize(text, status);
  }
  require(U_SUCCESS(status), Fault::bug, "ICU cannot normalise a text: {}", u_errorName(status));
  std::u32string kept;
  for (int i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    if (!is_mark(text.char32At(i))) kept += static_cast<char32_t>(text.char32At(i));
  }
  return kept;
}

// Of letters in emoji's squares and circles, of which Unicode does not say that they are letters.
char32_t letter_in_a_frame(char32_t c) {
  for (const char32_t first : {U'\U0001F150', U'\U0001F170'}) {
    if (c >= first && c < first + 26) return c - first + 'a';
  }
  return 0;
}

std::u32string fold_look_alike(char32_t c) {
  if (const char32_t letter = letter_in_a_frame(c); letter != 0) return {letter};
  const auto letter_of = [](char32_t point) -> char32_t {
    if (u_isalnum(static_cast<UChar32>(point)) == 0 && u_charType(static_cast<UChar32>(point)) != U_OTHER_SYMBOL)
      return 0;
    return ascii_look_alike(point);
  };
  // Capital eta looks like H, small eta like n.
  if (c >= 128 && u_isUUppercase(static_cast<UChar32>(c)) != 0) {
    if (const char32_t letter = letter_of(c); letter != 0) return {letter};
  }
  std::u32string letters = fold(c);
  for (char32_t& letter : letters) {
    if (const char32_t alike = letter < 128 ? letter : letter_of(letter); alike != 0) letter = alike;
  }
  return letters;
}

// "&#110;", "&#x6e;", also with "&amp;" for its first letter, once or more often: the text encoder sees an "n".
std::optional<CodePoint> reference(std::string_view text) {
  std::size_t at = 1;
  while (text.substr(at).starts_with("amp;")) at += 4;
  if (!text.substr(at).starts_with('#')) return std::nullopt;
  ++at;
  const bool hexadecimal = at < text.size() && (text[at] == 'x' || text[at] == 'X');
  if (hexadecimal) ++at;
  std::uint32_t value = 0;
  const auto [end, problem] =
      std::from_chars(text.data() + at, text.data() + text.size(), value, hexadecimal ? 16 : 10);
  if (problem != std::errc() || value == 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
    return std::nullopt;
  at = static_cast<std::size_t>(end - text.data());
  if (text.substr(at).starts_with(';')) ++at;
  return CodePoint{static_cast<char32_t>(value), at};
}

Letters letters_of(std::string_view text, Fold fold_point) {
  std::unordered_map<char32_t, std::u32string> known;
  Letters letters;
  letters.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    std::optional<CodePoint> point = rest[0] == '&' ? reference(rest) : std::nullopt;
    if (!point) point = decode_utf8(rest);
    if (!point) point = CodePoint{U'�', 1};
    const auto begin = static_cast<std::uint32_t>(at), end = static_cast<std::uint32_t>(at + point->bytes);
    if (point->value < 128) {
      letters.push_back({ascii_lower(point->value), begin, end});
      at += point->bytes;
      continue;
    }
    auto [found, added] = known.try_emplace(point->value);
    if (added) found->second = fold_point(point->value);
    for (const char32_t value : found->second) letters.push_back({value, begin, end});
    // A mark belongs to the letter before it.
    if (found->second.empty() && !letters.empty() && letters.back().end == begin) letters.back().end = end;
    at += point->bytes;
  }
  return letters;
}

void append_utf8(std::string& text, char32_t c) {
  if (c < 128)
    text += static_cast<char>(c);
  else
    icu::UnicodeString(static_cast<UChar32>(c)).toUTF8String(text);
}

std::string joined(const Words& words) {
  std::string text;
  for (const Word& word : words) text += (text.empty() ? "" : " ") + word.text;
  return text;
}

Words with_look_alikes(Words words, const Lexicon& lexicon) {
  for (Word& word : words) {
    if (const std::string* meant = lexicon.look_alike(word.text)) word.text = *meant;
  }
  return words;
}

}  // namespace

View::View(Words words) : words_(std::move(words)), text_(" ") {
  starts_.reserve(words_.size());
  for (const Word& word : words_) {
    starts_.push_back(static_cast<std::uint32_t>(text_.size()));
    text_ += word.text;
    text_ += ' ';
  }
}

std::size_t View::word_at(std::size_t byte) const {
  // The last that starts at or before it, unless that has ended.
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), byte);
  if (after == starts_.begin()) return 0;
  const auto word = static_cast<std::size_t>(after - starts_.begin()) - 1;
  return byte < starts_[word] + words_[word].text.size() ? word : word + 1;
}

Letters folded(std::string_view text) { return letters_of(text, fold); }

Letters without_look_alikes(std::string_view text) { return letters_of(text, fold_look_alike); }

Words split_words(const Letters& letters) {
  Words words;
  bool inside = false;
  std::uint32_t gap = 0;
  char32_t sign = 0;
  for (const Letter& letter : letters) {
    const auto c = static_cast<UChar32>(letter.value);
    if (u_isalnum(c) == 0) {
      inside = false;
      ++gap;
      if (u_isUWhiteSpace(c) == 0) sign = letter.value;
      continue;
    }
    const bool alone = u_charType(c) == U_OTHER_LETTER;
    if (!inside || alone) {
      words.push_back({{}, letter.begin, letter.end, std::exchange(gap, 0), std::exchange(sign, U'\0')});
    }
    append_utf8(words.back().text, letter.value);
    words.back().end = letter.end;
    inside = !alone;
  }
  return words;
}

std::string folded_term(std::string_view term) { return joined(split_words(folded(term))); }
std::string look_alike_term(std::string_view term) { return joined(split_words(without_look_alikes(term))); }

std::vector<std::string> words_of(std::string_view folded_term) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < folded_term.size();) {
    const std::size_t end = std::min(folded_term.find(' ', begin), folded_term.size());
    words.emplace_back(folded_term.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::array<View, 3> views_of(std::string_view text, const Lexicon& lexicon) {
  const Letters plain = without_look_alikes(text);
  return {View(split_words(folded(text))), View(with_look_alikes(split_words(plain), lexicon)),
          View(respelled(plain, lexicon))};
}

}  // namespace sora
