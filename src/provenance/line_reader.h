// The lines of a file of any size, one after the other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/descriptor.h"

namespace sora {

struct Line {
  std::string text;         ///< without its newline; its first part where it is longer than any record
  std::string sha256;       ///< of all of it, without the newline
  std::int64_t number = 0;  ///< from 1
  std::int64_t at = 0;      ///< where it begins
  std::int64_t bytes = 0;   ///< with the newline
  bool ended = false;       ///< there is a newline
};

class LineReader {
 public:
  /// Error{input}, as by next().
  explicit LineReader(const std::filesystem::path& path);
  /// Nothing at the end.
  std::optional<Line> next();
  /// How many lines have been read.
  std::int64_t number() const { return number_; }

 private:
  bool fill();

  std::string shown_;
  Descriptor file_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::int64_t at_ = 0, number_ = 0;
};

}  // namespace sora
