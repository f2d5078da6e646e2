// Strict reading of numbers, sizes and words.
#include "cli/value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

// Empty unless all of `text` is a T: no sign of +, no space, nothing that overflows.
template <class T>
std::optional<T> parse(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) return std::nullopt;
  }
  return value;
}

// Digits with at most six decimals, as an exact fraction.
std::optional<Rational> parse_decimal(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view decimals = dot == std::string_view::npos ? "" : text.substr(dot + 1);
  if (dot != std::string_view::npos && decimals.empty()) return std::nullopt;
  if (whole.empty() || whole.size() > 3 || decimals.size() > 6) return std::nullopt;
  const auto numerator = parse<unsigned>(std::string(whole) + std::string(decimals));
  if (!numerator) return std::nullopt;
  int denominator = 1;
  for (std::size_t i = 0; i < decimals.size(); ++i) denominator *= 10;
  return Rational{static_cast<int>(*numerator), denominator};
}

std::optional<Rational> parse_fraction(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return parse_decimal(text);
  const auto numerator = parse<unsigned>(text.substr(0, slash));
  const auto denominator = parse<unsigned>(text.substr(slash + 1));
  constexpr unsigned kMost = 10'000'000;
  if (!numerator || !denominator || *numerator > kMost || *denominator > kMost || *denominator == 0)
    return std::nullopt;
  return Rational{static_cast<int>(*numerator), static_cast<int>(*denominator)};
}

}  // namespace

void Value::fail_expected(std::string_view what) const {
  fail(Fault::usage, "{} {}: expected {}", origin, text.empty() ? "\"\"" : printable(text), what);
}

int Value::integer(int least, int most) const {
  const auto value = parse<int>(text);
  if (!value || *value < least || *value > most)
    fail_expected(fmt::format("a whole number from {} to {}", least, most));
  return *value;
}

std::uint64_t Value::unsigned_integer() const {
  const auto value = parse<std::uint64_t>(text);
  if (!value) fail_expected("a whole number from 0 to 18446744073709551615");
  return *value;
}

double Value::number(double least, double most) const {
  const auto value = parse<double>(text);
  if (!value || *value < least || *value > most) fail_expected(fmt::format("a number from {} to {}", least, most));
  return *value;
}

double Value::positive(double most) const {
  const auto value = parse<double>(text);
  if (!value || *value <= 0 || *value > most) fail_expected(fmt::format("a number above 0, at most {}", most));
  return *value;
}

Rational Value::fraction(double most) const {
  const auto value = parse_fraction(text);
  if (!value || value->numerator == 0 || value->value() > most) {
    fail_expected(fmt::format("a number above 0, at most {}, such as 24, 23.976 or 24000/1001", most));
  }
  const int divisor = std::gcd(value->numerator, value->denominator);
  return {value->numerator / divisor, value->denominator / divisor};
}

PixelSize Value::size(int least, int most) const {
  const std::size_t cross = text.find_first_of("xX*");
  if (cross != std::string::npos) {
    const auto width = parse<int>(std::string_view(text).substr(0, cross));
    const auto height = parse<int>(std::string_view(text).substr(cross + 1));
    const auto in_range = [&](int side) { return side >= least && side <= most; };
    if (width && height && in_range(*width) && in_range(*height)) return {*width, *height};
  }
  fail_expected(fmt::format("WIDTHxHEIGHT in pixels, such as 832x480, each from {} to {}", least, most));
}

const std::string& Value::one_of(std::span<const std::string_view> words) const {
  for (const std::string_view word : words) {
    if (text == word) return text;
  }
  fail_expected(fmt::format("one of {}", fmt::join(words, ", ")));
}

}  // namespace sora
