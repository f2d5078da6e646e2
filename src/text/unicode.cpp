// Unicode by ICU.
#include "text/unicode.h"

#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utext.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "sora/error.h"

namespace sora {
namespace {

icu::UnicodeString to_icu(std::u32string_view text) {
  icu::UnicodeString out;
  for (const char32_t c : text) out.append(static_cast<UChar32>(c));
  return out;
}

std::u32string from_icu(const icu::UnicodeString& text) {
  std::u32string out;
  for (int i = 0; i < text.length(); i = text.moveIndex32(i, 1)) out += static_cast<char32_t>(text.char32At(i));
  return out;
}

std::u32string normalized(const icu::Normalizer2* form, std::u32string_view text, UErrorCode& status) {
  icu::UnicodeString out;
  if (U_SUCCESS(status)) out = form->normalize(to_icu(text), status);
  require(U_SUCCESS(status), Fault::bug, "ICU cannot normalise a text: {}", u_errorName(status));
  return from_icu(out);
}

}  // namespace

std::u32string to_utf32(std::string_view utf8) {
  return from_icu(icu::UnicodeString::fromUTF8(icu::StringPiece(utf8.data(), static_cast<int>(utf8.size()))));
}

std::string to_utf8(std::u32string_view text) {
  std::string out;
  to_icu(text).toUTF8String(out);
  return out;
}

std::u32string to_nfc(std::u32string_view text) {
  // Nothing composes or decomposes below the first combining mark.
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; })) return std::u32string(text);
  UErrorCode status = U_ZERO_ERROR;
  return normalized(icu::Normalizer2::getNFCInstance(status), text, status);
}

std::u32string to_nfkc(std::u32string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  return normalized(icu::Normalizer2::getNFKCInstance(status), text, status);
}

std::u32string to_upper(std::u32string_view text) { return from_icu(to_icu(text).toUpper(icu::Locale::getRoot())); }

bool is_white_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }

bool is_space(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

bool is_digit(char32_t c) { return u_isdigit(static_cast<UChar32>(c)); }

std::vector<std::string_view> grapheme_clusters(std::string_view utf8) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  const std::unique_ptr<UText, decltype(&utext_close)> text(
      utext_openUTF8(nullptr, utf8.data(), static_cast<std::int64_t>(utf8.size()), &status), utext_close);
  if (U_SUCCESS(status)) breaks->setText(text.get(), status);
  require(U_SUCCESS(status), Fault::bug, "ICU cannot split a text into characters: {}", u_errorName(status));
  std::vector<std::string_view> clusters;
  for (int start = breaks->first(), end = breaks->next(); end != icu::BreakIterator::DONE;
       start = std::exchange(end, breaks->next())) {
    clusters.push_back(utf8.substr(start, end - start));
  }
  return clusters;
}

}  // namespace sora
