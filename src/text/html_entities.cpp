// Python's html.unescape. The table of names is html_entities.inc.
#include "text/html_entities.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "text/unicode.h"

namespace sora {
namespace {

struct Entity {
  std::string_view name, text;
};

constexpr auto kEntities = std::to_array<Entity>({
#include "text/html_entities.inc"
});
static_assert(std::is_sorted(kEntities.begin(), kEntities.end(),
                             [](const Entity& a, const Entity& b) { return a.name < b.name; }));

constexpr std::size_t kLongestName = 33;  // 32 characters and a semicolon

// Code points that a numeric reference may not name; it then stands for nothing.
bool is_noncharacter(std::uint32_t c) {
  const bool control = (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F;
  return control || (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE;
}

std::u32string numeric_reference(std::uint32_t code) {
  if (code == 0 || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) return U"\uFFFD";
  if (code >= 0x80 && code <= 0x9F) return {from_windows_1252(code)};
  if (is_noncharacter(code)) return {};
  return {static_cast<char32_t>(code)};
}

int digit_value(char32_t c, int base) {
  int value = -1;
  if (c >= '0' && c <= '9')
    value = static_cast<int>(c - '0');
  else if (c >= 'a' && c <= 'f')
    value = static_cast<int>(c - 'a') + 10;
  else if (c >= 'A' && c <= 'F')
    value = static_cast<int>(c - 'A') + 10;
  return value < base ? value : -1;
}

// `text` starts after "&#". Appends the character and returns how much of `text` was read; 0 if it is no reference.
std::size_t read_numeric(std::u32string_view text, std::u32string& out) {
  const bool hex = !text.empty() && (text[0] == 'x' || text[0] == 'X');
  const int base = hex ? 16 : 10;
  const std::size_t first = hex ? 1 : 0;
  std::size_t end = first;
  std::uint32_t code = 0;
  for (; end < text.size() && digit_value(text[end], base) >= 0; ++end) {
    code = std::min<std::uint32_t>(code * base + digit_value(text[end], base), 0x110000);
  }
  if (end == first) return 0;
  out += numeric_reference(code);
  return end < text.size() && text[end] == ';' ? end + 1 : end;
}

// `text` starts after "&". As read_numeric.
std::size_t read_named(std::u32string_view text, std::u32string& out) {
  constexpr std::u32string_view kEnds = U"\t\n\f <&#;";
  std::size_t end = 0;
  while (end < text.size() && end + 1 < kLongestName && kEnds.find(text[end]) == kEnds.npos) ++end;
  if (end > 0 && end < text.size() && text[end] == ';') ++end;
  for (std::size_t length = end; length > 1; --length) {
    const std::u32string entity = html_entity(text.substr(0, length));
    if (entity.empty()) continue;
    out += entity;
    return length;
  }
  return 0;
}

}  // namespace

std::u32string html_unescape(std::u32string_view text) {
  std::u32string out;
  while (!text.empty()) {
    const std::size_t start = std::min(text.find(U'&'), text.size());
    out += text.substr(0, start);
    text.remove_prefix(start);
    if (text.empty()) break;
    text.remove_prefix(1);
    const bool numeric = text.starts_with(U'#');
    const std::size_t read = numeric ? read_numeric(text.substr(1), out) : read_named(text, out);
    if (read == 0)
      out += U'&';
    else
      text.remove_prefix(numeric ? read + 1 : read);
  }
  return out;
}

std::u32string html_entity(std::u32string_view name) {
  const bool ascii = std::all_of(name.begin(), name.end(), [](char32_t c) { return c < 0x80; });
  if (!ascii) return {};
  const std::string key(name.begin(), name.end());
  const auto found =
      std::lower_bound(kEntities.begin(), kEntities.end(), key,
                       [](const Entity& entity, const std::string& wanted) { return entity.name < wanted; });
  return found != kEntities.end() && found->name == key ? to_utf32(found->text) : std::u32string();
}

char32_t from_windows_1252(char32_t c) {
  constexpr std::array<char16_t, 32> kUpperControls{0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                    0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D, 0x017D, 0x008F,
                                                    0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};
  return kUpperControls.at(c - 0x80);
}

}  // namespace sora
