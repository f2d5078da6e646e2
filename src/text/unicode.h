// Conversions between UTF-8 and code points, and the few Unicode properties that prompts need (ICU).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sora {

/// The code points of valid UTF-8; an invalid byte becomes U+FFFD.
std::u32string to_utf32(std::string_view utf8);
std::string to_utf8(std::u32string_view text);

std::u32string to_nfc(std::u32string_view text);
std::u32string to_nfkc(std::u32string_view text);
/// Full upper-casing of the root locale, as Python's str.upper ("ß" -> "SS").
std::u32string to_upper(std::u32string_view text);

/// Python's str.isspace, and with it the `\s` of its regular expressions: Unicode's whitespace and U+001C...U+001F.
bool is_space(char32_t c);
/// Unicode's White_Space, without Python's additions.
bool is_white_space(char32_t c);
/// A decimal digit of any script, the `\d` of Python's regular expressions.
bool is_digit(char32_t c);

/// What a reader takes for one character: a letter with its marks, an emoji sequence. Views of `utf8`, in order.
std::vector<std::string_view> grapheme_clusters(std::string_view utf8);

}  // namespace sora
