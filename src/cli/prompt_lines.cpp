#include "cli/prompt_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <vector>

#include "base/text.h"
#include "cli/csv.h"
#include "cli/settings.h"

namespace sora {
namespace {

constexpr std::string_view kBlank = " \t\r\v\f";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

void require_text(std::string_view bytes) {
  require(bytes.size() <= kMostLineBytes, Fault::usage, "has {}; a line has at most {} ({} bytes)",
          human_bytes(static_cast<std::int64_t>(bytes.size())), human_bytes(kMostLineBytes), kMostLineBytes);
  const std::size_t zero = bytes.find('\0');
  require(zero == bytes.npos, Fault::usage, "byte {} is a NUL character", zero + 1);
  const std::size_t valid = valid_utf8_bytes(bytes);
  require(valid == bytes.size(), Fault::usage, "byte {} is not valid UTF-8: {}", valid + 1,
          printable(bytes.substr(valid), 24));
}

// The parser counts lines of the object, which is one line of the file.
std::string without_line(std::string message) {
  constexpr std::string_view kLine = "at line 1, column ";
  const std::size_t at = message.find(kLine);
  return at == message.npos ? message : message.replace(at, kLine.size(), "at column ");
}

Settings json_settings(std::string_view line, const std::string& origin, Problems& problems) {
  Settings settings;
  problems.collect([&] {
    std::optional<JsonObject> json;
    try {
      json.emplace(line, origin, Fault::usage);
    } catch (const Error& error) {
      throw Error(error.fault(), without_line(error.what()));
    }
    settings = read_settings(std::move(*json), Scope::video, problems);
  });
  return settings;
}

// Where lines are read one after the other.
class Lines {
 public:
  Lines(const std::string& name, Problems& problems, const OnPromptLine& on_line)
      : name_(name), problems_(problems), on_line_(on_line) {}

  std::string origin(int line) const { return fmt::format("{}:{}", name_, line); }

  /// Hands over what `read(origin, problems)` makes of a line, unless it is wrong. Whether to go on.
  template <class Read>
  bool take(int line, std::string_view bytes, const Read& read) {
    const std::string place = origin(line);
    if (++count_ > kMostJobs) {
      problems_.add(fmt::format("{}: has more than {} lines; give the rest to another run", name_, kMostJobs));
      return false;
    }
    const int before = problems_.count();
    Settings settings;
    const bool is_text = collect_at(place, [&] { require_text(bytes); });
    if (is_text) settings = read(place, problems_);
    return problems_.count() > before || on_line_(place, std::move(settings));
  }
  template <class Action>
  bool collect_at(const std::string& place, const Action& action) {
    return problems_.collect([&] {
      try {
        action();
      } catch (const Error& error) {
        throw error.within(place);
      }
    });
  }
  Problems& problems() { return problems_; }

 private:
  const std::string& name_;
  Problems& problems_;
  const OnPromptLine& on_line_;
  int count_ = 0;
};

void read_plain(std::string_view text, Lines& lines, bool json) {
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end), content = trimmed(line);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.empty() || (!json && content[0] == '#')) continue;
    const auto read = [&](const std::string& origin, Problems& problems) {
      if (json) return json_settings(line, origin, problems);
      return Settings{{"prompt", {origin + ": prompt", {std::string(content)}}}};
    };
    if (!lines.take(number, line, read)) return;
  }
}

using Columns = std::vector<const Flag<Generate>*>;

Columns read_header(const CsvRecord& header, Lines& lines) {
  Columns columns;
  std::set<std::string_view> known;
  const std::string origin = lines.origin(header.line);
  lines.collect_at(origin, [&] { require_text(header.raw); });
  for (const std::string& name : header.fields) {
    lines.problems().collect([&] {
      columns.push_back(&flag_for(origin, name, Scope::video));
      require(known.insert(columns.back()->name).second, Fault::usage, "{}: \"{}\" is there twice", origin, name);
    });
  }
  return columns;
}

// A list is a JSON array, or a single value as it is.
std::vector<std::string> list_of(const Flag<Generate>& flag, const Value& field) {
  if (flag.takes == Takes::texts && !field.text.starts_with('[')) return {field.text};
  const bool two = flag.takes == Takes::two_texts;
  try {
    JsonObject json(fmt::format("{{\"list\": {}}}", field.text), "field", Fault::usage);
    std::vector<std::string> texts = json.read<std::vector<std::string>>("list");
    json.finish();
    const bool has_nul =
        std::any_of(texts.begin(), texts.end(), [](const auto& text) { return text.find('\0') != text.npos; });
    if (!has_nul && (!two || texts.size() == 2)) return texts;
  } catch (const Error&) {
    // says what is wrong with an object that the user did not write
  }
  field.fail_expected(two ? "a JSON array of two strings, such as [\"a.mp4\", \"b.mp4\"]"
                          : "one value, or a JSON array of strings");
}

std::vector<std::string> field_texts(const Flag<Generate>& flag, const Value& field) {
  switch (flag.takes) {
    case Takes::nothing:
      if (field.text != "true" && field.text != "false") field.fail_expected("true or false");
      return field.text == "true" ? std::vector<std::string>{""} : std::vector<std::string>{};
    case Takes::two_texts:
    case Takes::texts:
      return list_of(flag, field);
    case Takes::text:
    case Takes::integer:
    case Takes::number:
    case Takes::fraction:
      return {field.text};
  }
  fail(Fault::bug, "--{} takes nothing that is known", flag.name);
}

Settings csv_settings(const CsvRecord& record, const Columns& columns, const std::string& origin, Problems& problems) {
  Settings settings;
  if (record.fields.size() != columns.size()) {
    problems.add(fmt::format("{}: has {} fields, the header has {}", origin, record.fields.size(), columns.size()));
    return settings;
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Value field{fmt::format("{}: {}", origin, columns[i]->name), record.fields[i]};
    if (field.text.empty()) continue;
    problems.collect([&] {
      settings[std::string(columns[i]->name)] = {field.origin, field_texts(*columns[i], field)};
    });
  }
  return settings;
}

void read_csv(std::string_view text, Lines& lines) {
  CsvReader reader(text, kMostLineBytes);
  std::optional<CsvRecord> record;
  // What follows a quote in the wrong place cannot be told apart.
  const auto next = [&] {
    const bool whole = lines.problems().collect([&] {
      try {
        record = reader.next();
      } catch (const Error& error) {
        throw error.within(lines.origin(reader.line()));
      }
    });
    return whole && record.has_value();
  };
  if (!next()) return;
  const int before = lines.problems().count();
  const Columns columns = read_header(*record, lines);
  if (lines.problems().count() > before) return;
  while (next()) {
    const auto read = [&](const std::string& origin, Problems& problems) {
      return csv_settings(*record, columns, origin, problems);
    };
    if (!lines.take(record->line, record->raw, read)) return;
  }
}

}  // namespace

PromptFormat prompt_format(const std::filesystem::path& file) {
  std::string extension = file.extension().native();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".txt") return PromptFormat::text;
  if (extension == ".jsonl") return PromptFormat::json_lines;
  if (extension == ".csv") return PromptFormat::csv;
  fail(Fault::usage,
       "--prompts {}: expected the name of a .txt file (a prompt a line), a .jsonl file (a JSON object a line) or a "
       ".csv file (with a header), or - for standard input",
       shown(file));
}

PromptFormat prompt_format_of(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\v\f");
  return first != text.npos && text[first] == '{' ? PromptFormat::json_lines : PromptFormat::text;
}

void read_prompt_lines(std::string_view text, PromptFormat format, const std::string& name, Problems& problems,
                       const OnPromptLine& on_line) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    problems.add(fmt::format("{}: is UTF-16; save it as UTF-8", name));
    return;
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Lines lines(name, problems, on_line);
  switch (format) {
    case PromptFormat::text:
    case PromptFormat::json_lines:
      return read_plain(text, lines, format == PromptFormat::json_lines);
    case PromptFormat::csv:
      return read_csv(text, lines);
  }
}

}  // namespace sora
