// Text for people: escaping of untrusted bytes, spelling suggestions, human sizes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sora {

/// `text` with control characters, bidirectional overrides and invalid UTF-8 escaped (\x1b, \u202e), shortened to about
/// `max_bytes` with an ellipsis. What came from a file or a user goes through here before it reaches a terminal or a
/// log.
std::string printable(std::string_view text, std::size_t max_bytes = 80);

/// A path for a message: a file's name may hold any byte.
std::string shown(const std::filesystem::path& path);

/// The code point at the start of `text` and its length in bytes, or nothing if the bytes there are not valid UTF-8: no
/// surrogates, no overlong forms.
struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;
};
std::optional<CodePoint> decode_utf8(std::string_view text);

/// How many bytes there are before the first that is not valid UTF-8.
std::size_t valid_utf8_bytes(std::string_view text);
bool is_utf8(std::string_view text);

/// The candidate closest to `word` if it is at most a third of its length away (Levenshtein), else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

std::string human_bytes(std::int64_t bytes);  ///< "1.4 GB" (powers of 1000)
std::string human_flop(double flop);          ///< "3.2 TFLOP"
std::string human_seconds(double seconds);    ///< "0.8 s", "2:05", "1:02:05"

}  // namespace sora
