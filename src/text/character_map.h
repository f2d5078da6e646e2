// sentencepiece's precompiled normaliser ("nmt_nfkc"): which characters are replaced by which text before segmentation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sora {

class CharacterMap {
 public:
  /// Replaces nothing.
  CharacterMap() = default;
  /// From the field `precompiled_charsmap` of a spiece.model: size of the trie in bytes (u32), a darts-clone double
  /// array, the replacements, each ended by a NUL. Every step that apply() may take is checked here to stay inside;
  /// Error{input} if one does not.
  explicit CharacterMap(std::string_view blob);

  /// As Hugging Face's `Precompiled` normaliser: by grapheme cluster, then by character. A short cluster that begins
  /// with a replaced character is replaced whole, which drops combining marks ("①̀" -> "1"); sentencepiece keeps them.
  std::string apply(std::string_view text) const;

 private:
  // No step from this unit leaves the trie or the replacements.
  bool inside(std::size_t unit) const;
  // The replacement of the shortest prefix of `text` that has one.
  std::optional<std::string_view> replacement(std::string_view text) const;
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace sora
