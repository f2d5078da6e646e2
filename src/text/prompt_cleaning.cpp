// prompt_clean of diffusers: ftfy's fixers one by one, html.unescape, whitespace.
#include "text/prompt_cleaning.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "sora/error.h"
#include "text/html_entities.h"
#include "text/unicode.h"

namespace sora {
namespace {

bool is_ascii_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_ascii_alphanumeric(char32_t c) { return is_ascii_letter(c) || (c >= '0' && c <= '9'); }

// A named reference, or its name written in capitals by a program that folded the case ("&NTILDE;" -> "Ñ").
std::u32string named_reference(std::u32string_view name) {
  std::u32string entity = html_entity(name);
  if (!entity.empty()) return entity;
  std::u32string lower(name);
  for (char32_t& c : lower) {
    if (c >= 'a' && c <= 'z') return {};
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  }
  entity = html_entity(lower);
  // Capitals that begin with another entity ("&LTRIE;" with "&LT") are ambiguous and stay.
  const std::u32string reference = U'&' + std::u32string(name);
  return !entity.empty() && html_unescape(reference) == reference ? to_upper(entity) : std::u32string();
}

// "&eacute;" -> "é". What cannot be resolved as a whole stays.
std::u32string resolved(std::u32string_view reference) {
  const bool numeric = reference.starts_with(U"&#");
  std::u32string text = numeric ? html_unescape(reference) : named_reference(reference.substr(1));
  const bool failed = numeric ? text.find(U';') != text.npos : text.empty();
  return failed ? std::u32string(reference) : text;
}

// ftfy's unescape_html: stricter than HTML's, a reference needs its semicolon. Matches &#?[0-9A-Za-z]{1,24};
std::u32string unescape_unambiguous(std::u32string_view text) {
  std::u32string out;
  while (true) {
    const std::size_t start = std::min(text.find(U'&'), text.size());
    out += text.substr(0, start);
    text.remove_prefix(start);
    if (text.empty()) return out;
    const std::size_t name = text.starts_with(U"&#") ? 2 : 1;
    std::size_t end = name;
    while (end < text.size() && end < name + 24 && is_ascii_alphanumeric(text[end])) ++end;
    const bool reference = end > name && end < text.size() && text[end] == ';';
    const std::u32string_view whole = text.substr(0, reference ? end + 1 : 1);
    text.remove_prefix(whole.size());
    out += reference ? resolved(whole) : std::u32string(whole);
  }
}

// Ligatures and digraphs of Latin letters, in the order of their code points.
constexpr std::array<std::pair<char32_t, std::u32string_view>, 22> kLigatures{{
    {U'Ĳ', U"IJ"},  {U'ĳ', U"ij"},  {U'ŉ', U"ʼn"}, {U'Ǆ', U"DŽ"}, {U'ǅ', U"Dž"}, {U'ǆ', U"dž"},
    {U'Ǉ', U"LJ"},  {U'ǈ', U"Lj"},  {U'ǉ', U"lj"}, {U'Ǌ', U"NJ"}, {U'ǋ', U"Nj"}, {U'ǌ', U"nj"},
    {U'Ǳ', U"DZ"},  {U'ǲ', U"Dz"},  {U'ǳ', U"dz"}, {U'ﬀ', U"ff"}, {U'ﬁ', U"fi"}, {U'ﬂ', U"fl"},
    {U'ﬃ', U"ffi"}, {U'ﬄ', U"ffl"}, {U'ﬅ', U"ſt"}, {U'ﬆ', U"st"},
}};

char32_t straight_quote(char32_t c) {
  if (c == 0x02BC || (c >= 0x2018 && c <= 0x201B)) return '\'';
  if (c >= 0x201C && c <= 0x201F) return '"';
  return c;
}

// Of a character without ligatures: full and half width become normal width.
std::u32string normal_width(char32_t c) {
  if (c >= 0xFF01 && c < 0xFFF0) return to_nfkc({&c, 1});
  return std::u32string(1, c == 0x3000 ? U' ' : c);
}

// ftfy's fixers of single characters, in its order: C1 controls, ligatures, width, quotes.
std::u32string fix_characters(std::u32string_view text) {
  std::u32string out;
  for (char32_t c : text) {
    if (c >= 0x80 && c <= 0x9F) c = from_windows_1252(c);
    const auto ligature = std::lower_bound(kLigatures.begin(), kLigatures.end(), c,
                                           [](const auto& entry, char32_t wanted) { return entry.first < wanted; });
    const bool found = ligature != kLigatures.end() && ligature->first == c;
    const std::u32string fixed = found ? std::u32string(ligature->second) : normal_width(c);
    std::transform(fixed.begin(), fixed.end(), std::back_inserter(out), straight_quote);
  }
  return out;
}

// Removes what colours a terminal: ESC [ digits and semicolons, a letter.
std::u32string remove_terminal_escapes(std::u32string_view text) {
  std::u32string out;
  while (!text.empty()) {
    if (text.starts_with(U"\x1b[")) {
      std::size_t end = 2;
      while (end < text.size() && (text[end] == ';' || is_digit(text[end]))) ++end;
      if (end < text.size() && is_ascii_letter(text[end])) {
        text.remove_prefix(end + 1);
        continue;
      }
    }
    out += text[0];
    text.remove_prefix(1);
  }
  return out;
}

// Invisible characters without a use in a prompt. What is whitespace stays, for it separates words.
bool is_unwanted_control(char32_t c) {
  return c <= 0x08 || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || (c >= 0x206A && c <= 0x206F) ||
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFC);
}

// ftfy.fix_and_explain without the repair of encodings: repeated until nothing changes, because one fix may uncover
// work for another ("＆amp；").
std::u32string fix_segment(std::u32string text, bool unescape) {
  while (true) {
    std::u32string fixed = remove_terminal_escapes(fix_characters(unescape ? unescape_unambiguous(text) : text));
    std::erase_if(fixed, is_unwanted_control);
    fixed = to_nfc(fixed);
    if (fixed == text) return fixed;
    text = std::move(fixed);
  }
}

// ftfy.fix_text: by lines; from the first line with a '<' on, the text is taken for HTML whose references mean
// themselves.
std::u32string fix_text(std::u32string_view text) {
  std::u32string out;
  bool unescape = true;
  while (!text.empty()) {
    const std::u32string_view line = text.substr(0, std::min(text.find(U'\n'), text.size() - 1) + 1);
    text.remove_prefix(line.size());
    unescape = unescape && line.find(U'<') == line.npos;
    out += fix_segment(std::u32string(line), unescape);
  }
  return out;
}

// Runs of whitespace become one space; none at the ends.
std::u32string collapse_whitespace(std::u32string_view text) {
  std::u32string out;
  for (const char32_t c : text) {
    if (!is_space(c))
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += U' ';
  }
  if (out.ends_with(U' ')) out.pop_back();
  return out;
}

}  // namespace

std::string clean_prompt(std::string_view prompt) {
  require(is_utf8(prompt), Fault::usage, "The prompt \"{}\" is not valid UTF-8. Save or type it in a UTF-8 locale.",
          printable(prompt));
  return to_utf8(collapse_whitespace(html_unescape(html_unescape(fix_text(to_utf32(prompt))))));
}

}  // namespace sora
