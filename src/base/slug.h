// Text as a part of a file's name.
#pragma once

#include <string>
#include <string_view>

namespace sora {

/// "Two cats, boxing!" -> "two-cats-boxing": words in lower case with a dash between, at most `most_letters` long.
/// Accents of Latin letters go ("café" -> "cafe"), wide letters become plain ones, letters of other scripts stay. What
/// is no letter and no digit only separates. "video" if there is nothing else. It begins and ends with a letter or a
/// digit (or a mark that belongs to one).
std::string slug_of(std::string_view text, std::size_t most_letters = 40);

/// The last part of a model's name: "Wan2.1-T2V-1.3B-Diffusers" of a hub id or a folder. Letters, digits and dots,
/// dashes and underscores inside; anything else becomes a dash. "model" if there is nothing else.
std::string model_word(std::string_view name);

}  // namespace sora
