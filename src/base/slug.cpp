#include "base/slug.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"

namespace sora {
namespace {

struct Range {
  char32_t first, last;
};

// What is not a letter, a digit or a mark of one: by blocks of Unicode, which are stable where its tables grow. Letters
// that cannot be seen (Hangul fillers, joiners, variation selectors) are in it, too.
constexpr Range kNoLetters[] = {
    {0x80, 0xA9},        {0xAB, 0xB1},       {0xB4, 0xB4},       {0xB6, 0xB8},       {0xBB, 0xBF},
    {0xD7, 0xD7},        {0xF7, 0xF7},       {0x2B9, 0x2DF},     {0x34F, 0x34F},     {0x37E, 0x37E},
    {0x387, 0x387},      {0x482, 0x482},     {0x55A, 0x55F},     {0x589, 0x58F},     {0x5BE, 0x5BE},
    {0x5C0, 0x5C0},      {0x5C3, 0x5C3},     {0x5F3, 0x5F4},     {0x600, 0x60F},     {0x61B, 0x61F},
    {0x66A, 0x66D},      {0x6D4, 0x6D4},     {0x6DD, 0x6DE},     {0x700, 0x70F},     {0x890, 0x891},
    {0x8E2, 0x8E2},      {0x964, 0x965},     {0x970, 0x970},     {0xE3F, 0xE3F},     {0xE4F, 0xE4F},
    {0xE5A, 0xE5B},      {0xF01, 0xF17},     {0xF3A, 0xF3D},     {0x104A, 0x104F},   {0x10FB, 0x10FB},
    {0x115F, 0x1160},    {0x1360, 0x1368},   {0x1680, 0x1680},   {0x16EB, 0x16ED},   {0x17B4, 0x17B5},
    {0x17D4, 0x17DB},    {0x1800, 0x180F},   {0x2000, 0x2BFF},   {0x2E00, 0x2FFF},   {0x3000, 0x3004},
    {0x3008, 0x3020},    {0x3030, 0x3030},   {0x303D, 0x303F},   {0x309B, 0x309C},   {0x30A0, 0x30A0},
    {0x30FB, 0x30FB},    {0x3164, 0x3164},   {0x3190, 0x319F},   {0x3200, 0x33FF},   {0x4DC0, 0x4DFF},
    {0xD800, 0xF8FF},    {0xFD3E, 0xFD3F},   {0xFDD0, 0xFDEF},   {0xFE00, 0xFE6F},   {0xFEFF, 0xFEFF},
    {0xFF00, 0xFF65},    {0xFFA0, 0xFFA0},   {0xFFE0, 0xFFFF},   {0x110BD, 0x110BD}, {0x110CD, 0x110CD},
    {0x13430, 0x1343F},  {0x1BCA0, 0x1BCA3}, {0x1D000, 0x1D3FF}, {0x1F000, 0x1FAFF}, {0x1FFFE, 0x1FFFF},
    {0xE0000, 0x10FFFF},
};

// U+00C0 to U+017F without accents, in lower case. Capitals stand for two letters: A ae, O oe, S ss, T th, J ij.
constexpr std::string_view kLatin =
    "aaaaaaAceeeeiiiidnooooo-ouuuuyTSaaaaaaAceeeeiiiidnooooo-ouuuuyTyaaaaaaccccccccddddeeeeeeeeeegggg"
    "gggghhhhiiiiiiiiiiJJjjkkkllllllllllnnnnnnnnnooooooOOrrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
constexpr char32_t kLatinFirst = 0xC0, kLatinLast = 0x17F;
static_assert(kLatin.size() == kLatinLast - kLatinFirst + 1);

std::string latin(char letter) {
  switch (letter) {
    case 'A':
      return "ae";
    case 'O':
      return "oe";
    case 'S':
      return "ss";
    case 'T':
      return "th";
    case 'J':
      return "ij";
    default:
      return {letter};
  }
}

std::string to_utf8(char32_t c) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

bool is_plain(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Greek, Cyrillic, Armenian and ASCII; scripts with other capitals keep them.
char32_t lower(char32_t c) {
  if ((c >= 'A' && c <= 'Z') || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) return c + 0x20;
  if (c >= 0x400 && c <= 0x40F) return c + 0x50;
  if (c >= 0x531 && c <= 0x556) return c + 0x30;
  if (c >= 0x1E00 && c <= 0x1EFF && (c < 0x1E96 || c > 0x1E9F)) return c | 1;  // Latin with accents, in pairs
  return c;
}

// What stands for a code point: its letters, nothing for a mark that goes, "-" for what separates.
std::string letters_of(char32_t c) {
  if (c >= 0xFF01 && c <= 0xFF5E) c -= 0xFF01 - '!';  // wide forms
  if (c == 0xB5) c = 0x3BC;                           // the micro sign is a Greek letter
  c = lower(c);
  // What may stand inside a word: apostrophes, the soft hyphen, combining accents, joiners.
  if (c == '\'' || c == 0x2019 || c == 0xAD || (c >= 0x300 && c <= 0x36F) || c == 0x200C || c == 0x200D) return "";
  if (c < 0x80) return is_plain(c) ? std::string{static_cast<char>(c)} : "-";
  if (c >= kLatinFirst && c <= kLatinLast) return latin(kLatin[c - kLatinFirst]);
  const bool separates =
      std::any_of(std::begin(kNoLetters), std::end(kNoLetters), [&](Range r) { return c >= r.first && c <= r.last; });
  return separates ? "-" : to_utf8(c);
}

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string_view without_ends(std::string_view text, std::string_view ends) {
  const std::size_t first = text.find_first_not_of(ends);
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(ends) + 1 - first);
}

}  // namespace

std::string slug_of(std::string_view text, std::size_t most_letters) {
  std::string slug;
  bool word_ended = false;
  std::size_t length = 0;
  while (!text.empty()) {
    const auto point = decode_utf8(text);
    const std::string letters = point ? letters_of(point->value) : "-";
    text.remove_prefix(point ? point->bytes : 1);
    if (letters == "-") word_ended = !slug.empty();
    if (letters.empty() || letters == "-") continue;
    const std::size_t count =
        (static_cast<unsigned char>(letters[0]) < 0x80 ? letters.size() : 1) + (word_ended ? 1 : 0);
    if (length + count > most_letters) break;
    if (word_ended) slug += '-';
    slug += letters;
    length += count;
    word_ended = false;
  }
  return slug.empty() ? "video" : slug;
}

std::string model_word(std::string_view name) {
  while (name.ends_with('/')) name.remove_suffix(1);
  std::string word(name.substr(name.rfind('/') + 1));
  std::replace_if(
      word.begin(), word.end(), [](char c) { return !is_word_byte(c); }, '-');
  const std::string_view trimmed = without_ends(word, ".-_");
  return trimmed.empty() ? "model" : std::string(trimmed);
}

}  // namespace sora
