#include "cli/csv.h"

#include <algorithm>

#include "sora/error.h"

namespace sora {

bool CsvReader::at_line_end() const {
  const std::string_view rest = text_.substr(at_);
  return rest.empty() || rest.starts_with('\n') || rest.starts_with("\r\n");
}

void CsvReader::skip_line_end() {
  if (at_ < text_.size() && text_[at_] == '\r') ++at_;
  if (at_ < text_.size()) ++at_;
  ++line_;
}

// After its first quote.
std::string CsvReader::quoted_field() {
  std::string field;
  while (true) {
    const std::size_t quote = text_.find('"', at_);
    require(quote != text_.npos, Fault::usage, "a quote is not closed");
    field += text_.substr(at_, quote - at_);
    at_ = quote + 1;
    if (at_ == text_.size() || text_[at_] != '"') break;
    field += '"';
    ++at_;
  }
  line_ += static_cast<int>(std::count(field.begin(), field.end(), '\n'));
  require(at_line_end() || text_[at_] == ',', Fault::usage,
          "a closing quote is followed by more text; a quote in a quoted field is written \"\"");
  return field;
}

std::string CsvReader::plain_field() {
  const std::size_t begin = at_;
  while (!at_line_end() && text_[at_] != ',') {
    require(text_[at_] != '"', Fault::usage,
            "a quote stands in a field that does not begin with one; such a field is written \"...\", its quotes \"\"");
    ++at_;
  }
  return std::string(text_.substr(begin, at_ - begin));
}

std::optional<CsvRecord> CsvReader::next() {
  while (at_ < text_.size() && at_line_end()) skip_line_end();
  if (at_ == text_.size()) return std::nullopt;
  const std::size_t begin = at_;
  begun_ = line_;
  CsvRecord record{.line = line_};
  while (true) {
    const bool quoted = at_ < text_.size() && text_[at_] == '"';
    if (quoted) ++at_;
    record.fields.push_back(quoted ? quoted_field() : plain_field());
    if (at_line_end()) break;
    ++at_;  // the comma
  }
  record.raw = text_.substr(begin, at_ - begin);
  if (at_ < text_.size()) skip_line_end();
  return record;
}

}  // namespace sora
