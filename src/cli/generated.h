// What --generate prints, made of the tables of flags: the manual page and the shells' completions.
#pragma once

#include <string>
#include <string_view>

namespace sora {

/// Of one of --generate's words.
std::string generated(std::string_view kind);

std::string manual_page();
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace sora
