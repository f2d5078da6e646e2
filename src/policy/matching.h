// How what was found in a view becomes a match of a rule, or is excused.
#pragma once

#include <optional>
#include <vector>

#include "policy/compiled_policy.h"

namespace sora {

/// What a rule does not take for a match.
class Exceptions {
 public:
  /// Null where there are none.
  Exceptions(const WordRanges* allow, const WordRanges* unless, int unless_window);
  /// Lies inside something that is allowed.
  bool allowed(const WordRange& range) const;
  /// Something that excuses it stands near.
  bool excused(const WordRange& range) const;

 private:
  const WordRanges* allow_;
  const WordRanges* unless_;
  std::uint32_t window_;
};

std::optional<WordRange> first_term(const WordRanges& terms, const Exceptions& exceptions);
/// One of each group within `window` words, none of which is part of another.
std::optional<WordRange> first_near(const std::vector<const WordRanges*>& groups, int window,
                                    const Exceptions& exceptions);
std::optional<WordRange> first_match(const RE2& pattern, const View& view, const Exceptions& exceptions);

}  // namespace sora
