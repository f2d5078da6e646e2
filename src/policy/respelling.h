// Words as they were meant: leetspeak in letters, s p e l l e d words joined, spl it words too.
#pragma once

#include "policy/lexicon.h"
#include "policy/views.h"

namespace sora {

/// Where a word can be read in two ways, words of the lexicon win. Two words are only joined to one of the policy's if
/// not both are common ones: "pen is" stays.
Words respelled(const Letters& letters, const Lexicon& lexicon);

}  // namespace sora
