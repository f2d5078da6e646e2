// What a word looks like: the skeletons of Unicode Technical Standard 39, by ICU's uspoof.
#pragma once

#include <string>
#include <string_view>

namespace sora {

/// Words of which one is taken for the other have the same skeleton. Of valid UTF-8.
std::string skeleton(std::string_view word);
/// The ASCII letter or digit, in lower case, that a reader takes the code point for; 0 if there is none.
char32_t ascii_look_alike(char32_t c);

}  // namespace sora
