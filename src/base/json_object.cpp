#include "sora/json_object.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/files.h"
#include "base/text.h"

namespace sora {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxFileBytes = 16 << 20;
constexpr int kMaxDepth = 64;
constexpr std::int64_t kMaxValues = 1'000'000;
constexpr std::size_t kMaxListed = 10;

template <class T>
struct ElementOf {};
template <class T>
struct ElementOf<std::vector<T>> {
  using type = T;
};
template <class T>
constexpr bool kIsVector = requires {
  typename ElementOf<T>::type;
};

template <class T>
std::string type_name() {
  if constexpr (std::is_same_v<T, bool>)
    return "true or false";
  else if constexpr (std::is_integral_v<T>)
    return "an integer";
  else if constexpr (std::is_floating_point_v<T>)
    return "a number";
  else if constexpr (std::is_same_v<T, std::string>)
    return "a string";
  else
    return "an array";
}

// The value for a message: 40, "40" (a string), [1, 2] (an array).
std::string describe(const json& value) {
  switch (value.type()) {
    case json::value_t::string:
      return fmt::format("\"{}\" (a string)", printable(value.get_ref<const std::string&>()));
    case json::value_t::array:
      if (value.size() > 16) return fmt::format("an array of {} values", value.size());
      return printable(value.dump()) + " (an array)";
    case json::value_t::object:
      return "an object";
    default:
      return value.dump();
  }
}

std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMaxListed); ++i)
    text += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", printable(names[i]));
  if (names.size() > kMaxListed) text += fmt::format(" and {} more", names.size() - kMaxListed);
  return text;
}

// What the JSON grammar leaves open and we do not: repeated keys, and a size that a small file can blow up to.
class Strictness {
 public:
  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
        keys_.emplace_back();
        [[fallthrough]];
      case json::parse_event_t::array_start:
        require(depth < kMaxDepth, Fault::input, "nested deeper than {} levels", kMaxDepth);
        [[fallthrough]];
      case json::parse_event_t::value:
        require(++values_ <= kMaxValues, Fault::input, "more than {} values", kMaxValues);
        break;
      case json::parse_event_t::key: {
        const auto& key = parsed.get_ref<const std::string&>();
        require(keys_.back().insert(key).second, Fault::input, "key \"{}\" is there twice", printable(key));
        break;
      }
      case json::parse_event_t::object_end:
        keys_.pop_back();
        break;
      case json::parse_event_t::array_end:
        break;
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
  std::int64_t values_ = 0;
};

std::unique_ptr<json> parse(std::string_view text) {
  try {
    // The parser takes a zero byte for the end of its input.
    const std::size_t zero = text.find('\0');
    require(zero == text.npos, Fault::input, "not valid JSON: a zero byte at byte {}", zero + 1);
    Strictness strictness;
    auto value = std::make_unique<json>(json::parse(
        text.begin(), text.end(),
        [&](int depth, json::parse_event_t event, const json& parsed) { return strictness(depth, event, parsed); }));
    require(value->is_object(), Fault::input, "expected an object, found {}", describe(*value));
    return value;
  } catch (const json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: ..."
    const std::string_view what = error.what();
    fail(Fault::input, "not valid JSON: {}", printable(what.substr(what.find("] ") + 2), 300));
  }
}

}  // namespace

JsonObject::JsonObject(std::string_view text, std::filesystem::path file, Fault fault, std::string remedy)
    : file_(std::move(file)), fault_(fault), remedy_(remedy.empty() ? "" : "; " + remedy) {
  try {
    value_ = parse(text);
  } catch (const Error& error) {
    fail_with(error.what());
  }
}

JsonObject::JsonObject(const json& value, const JsonObject& outer, std::string_view key)
    : value_(std::make_unique<json>(value)),
      file_(outer.file_),
      path_(outer.path_of(key)),
      fault_(outer.fault_),
      remedy_(outer.remedy_) {
  if (!value.is_object()) outer.fail_at(key, fmt::format("expected an object, found {}", describe(value)));
}

JsonObject::JsonObject(JsonObject&&) noexcept = default;
JsonObject& JsonObject::operator=(JsonObject&&) noexcept = default;
JsonObject::~JsonObject() = default;

JsonObject JsonObject::from_file(const std::filesystem::path& file, Fault fault) {
  return {read_file(file, kMaxFileBytes, fault), file, fault};
}

const json* JsonObject::find(std::string_view key) {
  asked_.emplace(key);
  const auto found = value_->find(key);
  return found == value_->end() ? nullptr : &*found;
}

std::string JsonObject::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void JsonObject::fail_with(std::string_view what) const { fail(fault_, "{}: {}{}", shown(file_), what, remedy_); }

void JsonObject::fail_at(std::string_view key, std::string_view what) const {
  fail_with(fmt::format("key \"{}\": {}", printable(path_of(key)), what));
}

void JsonObject::fail_missing(std::string_view key, std::string_view expected) const {
  fail_with(fmt::format("key \"{}\" is missing; expected {}", printable(path_of(key)), expected));
}

template <class T>
T JsonObject::convert(std::string_view key, const json& value) const {
  const auto mismatch = [&](const std::string& expected) {
    fail_at(key, fmt::format("expected {}, found {}", expected, describe(value)));
  };
  if constexpr (kIsVector<T>) {
    if (!value.is_array()) mismatch(type_name<T>());
    T elements;
    for (std::size_t i = 0; i < value.size(); ++i)
      elements.push_back(convert<typename T::value_type>(fmt::format("{}[{}]", key, i), value[i]));
    return elements;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean()) mismatch(type_name<T>());
    return value.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    if (!value.is_number_integer()) mismatch(type_name<T>());
    const bool fits = value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                                 : std::in_range<T>(value.get<std::int64_t>());
    if (!fits) mismatch(fmt::format("an integer of {} bits", 8 * sizeof(T)));
    return value.get<T>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!value.is_number()) mismatch(type_name<T>());
    constexpr std::int64_t kExact = std::int64_t{1} << std::numeric_limits<T>::digits;
    const bool exact =
        value.is_number_float() || (value.is_number_unsigned() ? value.get<std::uint64_t>() <= std::uint64_t{kExact}
                                                               : value.get<std::int64_t>() >= -kExact);
    if (!exact) mismatch("a number of at most 53 bits");
    return value.get<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) mismatch(type_name<T>());
    return value.get<std::string>();
  } else {
    static_assert(std::is_same_v<T, std::optional<std::string>>);  // of an array
    if (value.is_null()) return std::nullopt;
    return convert<std::string>(key, value);
  }
}

template <class T>
T JsonObject::read(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) fail_missing(key, type_name<T>());
  return convert<T>(key, *value);
}

template <class T>
T JsonObject::read_or(std::string_view key, T otherwise) {
  const json* value = find(key);
  return value == nullptr ? otherwise : convert<T>(key, *value);
}

template <class T>
std::optional<T> JsonObject::read_optional(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  return convert<T>(key, *value);
}

template <class T>
void JsonObject::expect(std::string_view key, const T& only) {
  const json* value = find(key);
  const json wanted = only;
  // Numbers compare by value, so that 1 is 1.0; all else by type and value.
  if (value == nullptr || *value == wanted) return;
  const std::string expected = wanted.is_string() ? wanted.dump() : printable(wanted.dump());
  const std::string found = wanted.is_string() && value->is_string()
                                ? fmt::format("\"{}\"", printable(value->get_ref<const std::string&>()))
                                : describe(*value);
  fail_at(key, fmt::format("expected {}, found {}; nothing else is supported", expected, found));
}

void JsonObject::expect(std::string_view key, const char* only) { expect(key, std::string(only)); }

JsonObject JsonObject::read_object(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) fail_missing(key, "an object");
  return {*value, *this, key};
}

std::vector<JsonObject> JsonObject::read_objects(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) fail_missing(key, "an array of objects");
  if (!value->is_array()) fail_at(key, fmt::format("expected an array of objects, found {}", describe(*value)));
  std::vector<JsonObject> objects;
  for (const json& element : *value) {
    objects.push_back(JsonObject(element, *this, fmt::format("{}[{}]", key, objects.size())));
  }
  return objects;
}

void JsonObject::ignore(std::initializer_list<std::string_view> keys) { asked_.insert(keys.begin(), keys.end()); }

bool JsonObject::has(std::string_view key) const { return value_->contains(key); }

bool JsonObject::has_array(std::string_view key) const {
  const auto found = value_->find(key);
  return found != value_->end() && found->is_array();
}

std::vector<std::string> JsonObject::keys() const {
  std::vector<std::string> names;
  for (const auto& item : value_->items()) names.push_back(item.key());
  return names;
}

void JsonObject::finish() const {
  std::vector<std::string> unknown, paths;
  for (const std::string& key : keys()) {
    if (asked_.contains(key)) continue;
    unknown.push_back(key);
    paths.push_back(path_of(key));
  }
  if (unknown.empty()) return;
  if (unknown.size() > 1) {
    fail_with(fmt::format("unknown keys {}; this version does not know what they change, so it will not ignore them",
                          quoted(paths)));
  }
  const std::string hint = hint_for(unknown[0]);
  fail_with(fmt::format("unknown key {}{}; this version does not know what it changes, so it will not ignore it",
                        quoted(paths), hint.empty() ? "" : " (" + hint + ")"));
}

// A misspelt key stands for one that was asked for and not found. Whoever writes a file with few keys by hand is told
// all of them.
std::string JsonObject::hint_for(const std::string& unknown) const {
  std::vector<std::string> absent;
  for (const std::string& key : asked_)
    if (!has(key)) absent.push_back(key);
  const std::string meant = nearest(unknown, absent);
  if (!meant.empty()) return fmt::format("did you mean \"{}\"?", path_of(meant));
  if (fault_ != Fault::usage || asked_.empty() || asked_.size() > kMaxListed) return "";
  return fmt::format("known here are {}", quoted({asked_.begin(), asked_.end()}));
}

#define SORA_READABLE(T)                                                    \
  template T JsonObject::read<T>(std::string_view);                         \
  template T JsonObject::read_or<T>(std::string_view, T);                   \
  template std::optional<T> JsonObject::read_optional<T>(std::string_view); \
  template void JsonObject::expect<T>(std::string_view, const T&);
SORA_READABLE(bool)
SORA_READABLE(int)
SORA_READABLE(std::int64_t)
SORA_READABLE(std::uint64_t)
SORA_READABLE(double)
SORA_READABLE(std::string)
SORA_READABLE(std::vector<bool>)
SORA_READABLE(std::vector<int>)
SORA_READABLE(std::vector<std::int64_t>)
SORA_READABLE(std::vector<double>)
SORA_READABLE(std::vector<std::string>)
#undef SORA_READABLE
template std::vector<std::optional<std::string>> JsonObject::read<std::vector<std::optional<std::string>>>(
    std::string_view);
template std::vector<std::vector<std::string>> JsonObject::read<std::vector<std::vector<std::string>>>(
    std::string_view);
template void JsonObject::expect<std::nullptr_t>(std::string_view, const std::nullptr_t&);

}  // namespace sora
