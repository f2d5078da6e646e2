#include "policy/skeleton.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uspoof.h>

#include <array>
#include <map>
#include <memory>
#include <utility>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

void check(UErrorCode status) {
  require(U_SUCCESS(status), Fault::bug, "ICU cannot compare letters: {}", u_errorName(status));
}

// "ø" looks like "o̸": what is drawn over a letter hides nothing.
std::string without_marks(const icu::UnicodeString& text) {
  icu::UnicodeString kept;
  for (int i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 c = text.char32At(i);
    if (u_charType(c) != U_NON_SPACING_MARK && u_charType(c) != U_ENCLOSING_MARK) kept.append(c);
  }
  std::string out;
  return kept.toUTF8String(out);
}

class Skeletons {
 public:
  Skeletons() {
    UErrorCode status = U_ZERO_ERROR;
    checker_.reset(uspoof_open(&status));
    check(status);
    for (char32_t c = 0; c < 128; ++c) ascii_[c] = compute(static_cast<UChar32>(c));
    // Digits first and small letters last: the last of those that look alike is the one that stands for all.
    for (char32_t c = '0'; c <= '9'; ++c) letters_[ascii_[c]] = c;
    for (char32_t c = 'a'; c <= 'z'; ++c) {
      capitals_[ascii_[c - 'a' + 'A']] = c;
      letters_[ascii_[c]] = c;
    }
    // Small capitals, which are what Unicode says that small Cyrillic and Greek letters look like.
    constexpr std::pair<char32_t, char32_t> kSmallCapitals[] = {
        {U'ᴀ', 'a'}, {U'ʙ', 'b'},   {U'ᴄ', 'c'}, {U'ᴅ', 'd'}, {U'ᴇ', 'e'}, {U'ꜰ', 'f'}, {U'ɢ', 'g'}, {U'ʜ', 'h'},
        {U'ɪ', 'i'}, {U'ᴊ', 'j'},   {U'ᴋ', 'k'}, {U'ĸ', 'k'}, {U'ʟ', 'l'}, {U'ᴍ', 'm'}, {U'ɴ', 'n'}, {U'ᴏ', 'o'},
        {U'ᴘ', 'p'}, {U'ꞯ', 'q'}, {U'ʀ', 'r'}, {U'ꜱ', 's'}, {U'ᴛ', 't'}, {U'ᴜ', 'u'}, {U'ᴠ', 'v'}, {U'ᴡ', 'w'},
        {U'ʏ', 'y'}, {U'ᴢ', 'z'},   {U'ƨ', 's'}, {U'ɑ', 'a'}, {U'α', 'a'}, {U'ꞓ', 'e'}, {U'ε', 'e'}, {U'є', 'e'},
        {U'ß', 'b'}, {U'β', 'b'},   {U'σ', 'o'}, {U'ʍ', 'm'}, {U'п', 'n'}, {U'и', 'n'}, {U'η', 'n'}, {U'я', 'r'},
        {U'г', 'r'}, {U'ω', 'w'},   {U'ш', 'w'}, {U'щ', 'w'}, {U'χ', 'x'}, {U'μ', 'u'}, {U'ц', 'u'}, {U'ч', 'y'},
        {U'д', 'd'}, {U'ъ', 'b'},   {U'ь', 'b'}, {U'з', 'e'}};
    for (const auto& [c, letter] : kSmallCapitals) {
      letters_.try_emplace(compute(static_cast<UChar32>(c)), letter);
      drawn_[c] = letter;
    }
  }

  std::string of(char32_t c) const { return c < ascii_.size() ? ascii_[c] : compute(static_cast<UChar32>(c)); }

  char32_t ascii(char32_t c) const {
    if (c < 128) return c;
    const std::string look = of(c);
    if (u_isUUppercase(static_cast<UChar32>(c)) != 0) {
      if (const auto capital = capitals_.find(look); capital != capitals_.end()) return capital->second;
    }
    if (const auto letter = letters_.find(look); letter != letters_.end()) return letter->second;
    const auto drawn = drawn_.find(c);
    return drawn == drawn_.end() ? 0 : drawn->second;
  }

 private:
  struct Close {
    void operator()(USpoofChecker* checker) const { uspoof_close(checker); }
  };

  std::string compute(UChar32 c) const {
    UErrorCode status = U_ZERO_ERROR;
    icu::UnicodeString look;
    uspoof_getSkeletonUnicodeString(checker_.get(), 0, icu::UnicodeString(c), look, &status);
    check(status);
    return without_marks(look);
  }

  std::unique_ptr<USpoofChecker, Close> checker_;
  std::array<std::string, 128> ascii_;
  std::map<std::string, char32_t> letters_, capitals_;
  std::map<char32_t, char32_t> drawn_;
};

const Skeletons& skeletons() {
  static const Skeletons all;
  return all;
}

}  // namespace

std::string skeleton(std::string_view word) {
  std::string look;
  for (std::size_t at = 0; at < word.size();) {
    const CodePoint point = decode_utf8(word.substr(at)).value_or(CodePoint{U'\uFFFD', 1});
    look += skeletons().of(point.value);
    at += point.bytes;
  }
  for (char& letter : look) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return look;
}

char32_t ascii_look_alike(char32_t c) { return skeletons().ascii(c); }

}  // namespace sora
