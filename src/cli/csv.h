// Comma-separated values as RFC 4180 has them: fields in quotes may hold commas, line ends and doubled quotes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sora {

struct CsvRecord {
  int line = 0;               ///< where it begins, counted from 1
  std::string_view raw = {};  ///< as it stands in the text
  std::vector<std::string> fields = {};
};

class CsvReader {
 public:
  /// `text` must outlive the reader.
  explicit CsvReader(std::string_view text) : text_(text) {}

  /// The next record that is not an empty line; nothing at the end. Throws Error{usage}, which does not say where, for
  /// a quote that is not closed or stands in the middle of a field; nothing can be read after that.
  std::optional<CsvRecord> next();
  /// Where the last record begins, also one that was refused.
  int line() const { return begun_; }

 private:
  bool at_line_end() const;
  void skip_line_end();
  std::string quoted_field();
  std::string plain_field();

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1, begun_ = 1;
};

}  // namespace sora
