// sentencepiece's precompiled normaliser: a double array whose every step is checked once, and the walk through it.
#include "text/character_map.h"

#include <cstring>

#include "base/text.h"
#include "sora/error.h"
#include "text/unicode.h"

namespace sora {
namespace {

// A unit of darts-clone's double array: either a node (label of the edge to it, offset to its children, whether one of
// them is a leaf) or, with the top bit set, a leaf with its value.
constexpr std::uint32_t kLeafBit = 0x80000000;
bool has_leaf(std::uint32_t unit) { return (unit >> 8) & 1; }
std::uint32_t label(std::uint32_t unit) { return unit & (kLeafBit | 0xFF); }
std::uint32_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }
std::uint32_t value(std::uint32_t unit) { return unit & ~kLeafBit; }

// The root's children and the children of any node lie in an aligned block of this many units.
constexpr std::size_t kBlock = 256;

// Longer grapheme clusters are never looked up whole.
constexpr std::size_t kLongestCluster = 5;

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

CharacterMap::CharacterMap(std::string_view blob) {
  std::uint32_t trie_bytes = 0;
  require(blob.size() > sizeof trie_bytes, Fault::input, "its character map is cut off");
  std::memcpy(&trie_bytes, blob.data(), sizeof trie_bytes);
  blob.remove_prefix(sizeof trie_bytes);
  require(trie_bytes > 0 && trie_bytes % (kBlock * sizeof(std::uint32_t)) == 0 && trie_bytes < blob.size(),
          Fault::input, "the trie of its character map has {} bytes, which is not a multiple of {} below {}",
          trie_bytes, kBlock * sizeof(std::uint32_t), blob.size());
  units_.resize(trie_bytes / sizeof(std::uint32_t));
  std::memcpy(units_.data(), blob.data(), trie_bytes);
  replacements_ = blob.substr(trie_bytes);
  require(replacements_.back() == '\0' && is_utf8(replacements_), Fault::input,
          "the replacements of its character map are not UTF-8 that ends with a NUL");
  require(!(units_[0] & kLeafBit), Fault::input, "the trie of its character map has no root");
  for (std::size_t i = 0; i < units_.size(); ++i)
    require(inside(i), Fault::input, "unit {} of its character map's trie points outside", i);
}

bool CharacterMap::inside(std::size_t i) const {
  const std::uint32_t unit = units_[i];
  if (unit & kLeafBit) return value(unit) < replacements_.size() && !is_continuation(replacements_[value(unit)]);
  const std::size_t children = i ^ offset(unit);
  return children < units_.size() && (!has_leaf(unit) || (units_[children] & kLeafBit));
}

std::optional<std::string_view> CharacterMap::replacement(std::string_view text) const {
  if (units_.empty()) return std::nullopt;
  std::size_t node = offset(units_[0]);
  for (const char byte : text) {
    const auto edge = static_cast<unsigned char>(byte);
    node ^= edge;
    const std::uint32_t unit = units_[node];
    if (edge == 0 || label(unit) != edge) return std::nullopt;
    node ^= offset(unit);
    if (has_leaf(unit)) return std::string_view(replacements_.c_str() + value(units_[node]));
  }
  return std::nullopt;
}

std::string CharacterMap::apply(std::string_view text) const {
  std::string out;
  for (const std::string_view cluster : grapheme_clusters(text)) {
    if (cluster.size() <= kLongestCluster) {
      if (const auto whole = replacement(cluster)) {
        out += *whole;
        continue;
      }
    }
    for (std::size_t start = 0, end = 1; start < cluster.size(); start = end++) {
      while (end < cluster.size() && is_continuation(cluster[end])) ++end;
      const std::string_view character = cluster.substr(start, end - start);
      out += replacement(character).value_or(character);
    }
  }
  return out;
}

}  // namespace sora
