// HTML's character references ("&amp;", "&#8217;"), resolved as Python's html.unescape resolves them.
#pragma once

#include <string>
#include <string_view>

namespace sora {

/// Every named reference of HTML5, with and without its semicolon (then the longest known name wins), and numeric ones,
/// where 0x80...0x9F mean Windows-1252 and what cannot be a character becomes U+FFFD or nothing.
std::u32string html_unescape(std::u32string_view text);

/// What a name stands for: "amp;" (or "amp", where HTML allows it) -> "&". Empty if there is no such name.
std::u32string html_entity(std::u32string_view name);

/// 0x80...0x9F read as Windows-1252; its five holes stay what they are.
char32_t from_windows_1252(char32_t c);

}  // namespace sora
