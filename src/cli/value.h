// The text that a flag or a key of a config file was given, read strictly: the whole of it, in range, or Error{usage}.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sora/geometry.h"

namespace sora {

struct Value {
  std::string origin;  ///< "--steps" or "my.json: steps"; begins every message
  std::string text;

  int integer(int least, int most) const;
  std::uint64_t unsigned_integer() const;
  double number(double least, double most) const;
  /// More than 0, at most `most`.
  double positive(double most) const;
  /// "24", "24000/1001" or the exact decimal "23.976"; more than 0, at most `most`.
  Rational fraction(double most) const;
  /// "832x480" or "832*480".
  PixelSize size(int least, int most) const;
  /// `text` itself if it is one of `words`.
  const std::string& one_of(std::span<const std::string_view> words) const;

  /// Throws "--steps 0: expected ...".
  [[noreturn]] void fail_expected(std::string_view what) const;
};

}  // namespace sora
