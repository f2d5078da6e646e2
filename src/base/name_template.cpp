#include "base/name_template.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/output_name.h"
#include "base/slug.h"
#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

// A name has at most 255 bytes. This leaves room for the number of a frame, "-2", ".latents", ".NAME.part" and an
// extension in place of the video's.
constexpr std::size_t kLongestName = 220;
constexpr std::size_t kShortestText = 8;

struct Field {
  std::string_view name;
  bool number;  ///< may be padded with zeros
};
constexpr Field kFields[] = {{"index", true},  {"slug", false}, {"seed", true},  {"width", true}, {"height", true},
                             {"frames", true}, {"fps", false},  {"steps", true}, {"model", false}};

const Field* find_field(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kFields), std::end(kFields), [&](const Field& f) { return f.name == name; });
  return found == std::end(kFields) ? nullptr : found;
}

[[noreturn]] void fail_unknown_field(std::string_view field, const std::string& name) {
  std::vector<std::string> names;
  for (const Field& known : kFields) names.emplace_back(known.name);
  const std::string meant = nearest(field, names);
  fail(Fault::usage, "{}: unknown field {{{}}}{}; the fields are {}, and braces themselves are written {{{{ and }}}}",
       printable(name, 300), printable(field), meant.empty() ? "" : fmt::format(" (did you mean {{{}}}?)", meant),
       fmt::join(names, ", "));
}

// ":04" -> 4.
int digits_of(std::string_view format, std::string_view field, const std::string& name) {
  if (format.empty()) return 0;
  const bool padded = format.size() == 3 && format[1] == '0' && format[2] >= '1' && format[2] <= '9';
  require(padded && find_field(field)->number, Fault::usage, "{}: {{{}{}}}: {}", printable(name, 300), field,
          printable(format),
          find_field(field)->number ? "leading zeros are written :01 to :09" : "this field takes no leading zeros");
  return format[2] - '0';
}

std::string fps_text(const Rational& fps) {
  std::string text = fmt::format("{:.3f}", fps.value());
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// At most `most` bytes of whole characters, without a separator at the end.
std::string shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  text.resize(most);
  while (!text.empty() && (text.back() == '-' || text.back() == '.' || text.back() == '_')) text.pop_back();
  return text;
}

// Whether Windows takes the name for that of a device, whatever its extension is.
bool is_device(std::string_view name) {
  std::string stem(name.substr(0, name.find('.')));
  std::transform(stem.begin(), stem.end(), stem.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  constexpr std::array<std::string_view, 4> kDevices{"CON", "PRN", "AUX", "NUL"};
  if (std::find(kDevices.begin(), kDevices.end(), stem) != kDevices.end()) return true;
  const bool port = stem.starts_with("COM") || stem.starts_with("LPT");
  return port && stem.size() == 4 && std::isdigit(static_cast<unsigned char>(stem[3])) != 0;
}

// The same for names that a file system without capitals takes for one.
std::string folded(const fs::path& name, const fs::path& here) {
  std::string text = (here / name).lexically_normal().native();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

fs::path numbered(const fs::path& name, int number) {
  return name.parent_path() / fmt::format("{}-{}{}", name.stem().native(), number, name.extension().native());
}

}  // namespace

NameTemplate::NameTemplate(const fs::path& name) {
  std::string_view rest = name.native();
  while (true) {
    const std::size_t slash = rest.find('/');
    components_.push_back(parse(rest.substr(0, slash), name.native()));
    if (slash == rest.npos) break;
    rest.remove_prefix(slash + 1);
  }
  const auto first = std::find_if(components_.begin(), components_.end(), has_field);
  const bool leads_out = std::any_of(first, components_.end(), [](const Component& component) {
    return !has_field(component) && !component.empty() && component[0].text == "..";
  });
  require(!leads_out, Fault::usage, "{}: a .. after the first field would lead out of the folder", shown(name));
}

bool NameTemplate::has_field(const Component& component) {
  return std::any_of(component.begin(), component.end(), [](const Piece& piece) { return !piece.field.empty(); });
}

bool NameTemplate::has_fields() const { return std::any_of(components_.begin(), components_.end(), has_field); }

NameTemplate::Component NameTemplate::parse(std::string_view component, const std::string& name) {
  Component pieces;
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) pieces.push_back({.text = std::exchange(literal, {})});
  };
  for (std::size_t i = 0; i < component.size(); ++i) {
    const char c = component[i];
    const bool doubled = i + 1 < component.size() && component[i + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      literal += c;
      ++i;
    } else if (c == '{') {
      const std::size_t end = component.find('}', i);
      require(end != component.npos, Fault::usage, "{}: a {{ is not closed; a brace itself is written {{{{",
              printable(name, 300));
      const std::string_view inside = component.substr(i + 1, end - i - 1), field = inside.substr(0, inside.find(':'));
      if (find_field(field) == nullptr) fail_unknown_field(field, name);
      end_literal();
      pieces.push_back({.field = std::string(field), .digits = digits_of(inside.substr(field.size()), field, name)});
      i = end;
    } else {
      require(c != '}', Fault::usage, "{}: a }} without a {{; a brace itself is written }}}}", printable(name, 300));
      literal += c;
    }
  }
  end_literal();
  return pieces;
}

fs::path NameTemplate::root() const {
  const auto field = std::find_if(components_.begin(), components_.end(), has_field);
  const auto end = field == components_.end() ? field - 1 : field;
  fs::path root = end != components_.begin() && components_[0].empty() ? "/" : "";
  for (auto each = components_.begin(); each != end; ++each) root /= fill(*each, {});
  return root.empty() ? "." : root;
}

fs::path NameTemplate::fill(const NameFields& fields) const {
  std::string name;
  for (const Component& component : components_) {
    if (&component != &components_.front()) name += '/';
    name += fill(component, fields);
  }
  return name;
}

std::string NameTemplate::value_of(const Piece& piece, const NameFields& fields, std::size_t most_bytes) {
  const auto number = [&](std::uint64_t value) { return fmt::format("{:0{}}", value, piece.digits); };
  if (piece.field.empty()) return piece.text;
  if (piece.field == "slug") return shortened(slug_of(fields.prompt), most_bytes);
  if (piece.field == "model") return shortened(model_word(fields.model), most_bytes);
  if (piece.field == "fps") return fps_text(fields.fps);
  if (piece.field == "seed") return number(fields.seed);
  const int value = piece.field == "index"    ? fields.index
                    : piece.field == "width"  ? fields.size.width
                    : piece.field == "height" ? fields.size.height
                    : piece.field == "frames" ? fields.frames
                                              : fields.steps;
  return number(static_cast<std::uint64_t>(value));
}

std::string NameTemplate::fill(const Component& component, const NameFields& fields) {
  std::string name;
  std::size_t most_bytes = kLongestName;
  do {
    name.clear();
    for (const Piece& piece : component) name += value_of(piece, fields, most_bytes);
    --most_bytes;
  } while (has_field(component) && name.size() > kLongestName && most_bytes >= kShortestText);
  if (!has_field(component) || !is_device(name)) return name;
  const std::size_t stem = std::min(name.find('.'), name.size());
  return name.substr(0, stem) + '_' + name.substr(stem);
}

void resolve_collisions(std::vector<fs::path>& names) {
  std::error_code none;
  const fs::path here = fs::current_path(none);
  std::vector<std::string> as_given;
  for (const fs::path& name : names) as_given.push_back(folded(name, here));
  std::set<std::string> taken(as_given.begin(), as_given.end());
  std::map<std::string, int> last_numbers;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == "null:" || names[i] == "md5:") continue;
    int& number = last_numbers[as_given[i]];
    if (++number == 1) continue;
    while (!taken.insert(folded(numbered(names[i], number), here)).second) ++number;
    names[i] = numbered(names[i], number);
  }
}

}  // namespace sora
