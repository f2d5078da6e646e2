#include "policy/strict_json.h"

#include <fmt/ranges.h>

#include <utility>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::json;

std::string described(const json& value) {
  if (value.is_string()) return fmt::format("\"{}\"", printable(value.get_ref<const std::string&>()));
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  return printable(value.dump());
}

}  // namespace

void fail_policy(const std::filesystem::path& file, std::string_view place, std::string_view what) {
  fail(Fault::usage, "{}: {}{}{}; nothing is made without a whole policy: repair it, or name another with --policy",
       printable(file.native(), 300), place, place.empty() ? "" : ": ", what);
}

json parse_strictly(const std::string& text, const std::filesystem::path& file) {
  std::vector<std::set<std::string>> open;
  std::string twice;
  const auto look = [&](int, json::parse_event_t event, const json& parsed) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second) {
      twice = parsed.get<std::string>();
    }
    return true;
  };
  json value;
  try {
    value = json::parse(text, look);
  } catch (const json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: ..."
    const std::string_view what = error.what();
    fail_policy(file, "", "not valid JSON: " + printable(what.substr(what.find("] ") + 2), 300));
  }
  if (!twice.empty()) fail_policy(file, "", fmt::format("key \"{}\" is there twice", printable(twice)));
  if (!value.is_object()) fail_policy(file, "", "expected an object, found " + described(value));
  return value;
}

StrictObject::StrictObject(const json& value, const std::filesystem::path& file, std::string path)
    : value_(&value), file_(&file), path_(std::move(path)) {
  if (!value.is_object()) fail_policy(file, path_, "expected an object, found " + described(value));
}

std::string StrictObject::place(std::string_view key) const {
  return path_.empty() ? printable(key) : path_ + "." + printable(key);
}

void StrictObject::fail_at(std::string_view key, std::string_view what) const { fail_policy(*file_, place(key), what); }

bool StrictObject::has(std::string_view key) {
  asked_.emplace(key);
  return value_->contains(key);
}

const json& StrictObject::at(std::string_view key) {
  asked_.emplace(key);
  const auto found = value_->find(key);
  if (found == value_->end()) fail_at(key, "is missing");
  return *found;
}

std::string StrictObject::text(std::string_view key) {
  const json& value = at(key);
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
    fail_at(key, "expected a string with something in it, found " + described(value));
  }
  return value.get<std::string>();
}

bool StrictObject::flag_or(std::string_view key, bool otherwise) {
  if (!has(key)) return otherwise;
  const json& value = at(key);
  if (!value.is_boolean()) fail_at(key, "expected true or false, found " + described(value));
  return value.get<bool>();
}

int StrictObject::integer(std::string_view key, int least, int most) {
  const json& value = at(key);
  const bool right =
      value.is_number_integer() && value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
  if (!right) {
    fail_at(key, fmt::format("expected a whole number from {} to {}, found {}", least, most, described(value)));
  }
  return value.get<int>();
}

std::vector<std::string> StrictObject::texts_of(const json& value, const std::string& key) const {
  if (!value.is_array() || value.empty()) fail_at(key, "expected an array of strings, found " + described(value));
  std::vector<std::string> texts;
  for (const json& element : value) {
    const bool right = element.is_string() && !element.get_ref<const std::string&>().empty();
    if (!right) {
      fail_at(fmt::format("{}[{}]", key, texts.size()),
              "expected a string with something in it, found " + described(element));
    }
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

std::vector<std::string> StrictObject::texts(std::string_view key) { return texts_of(at(key), std::string(key)); }

std::vector<std::vector<std::string>> StrictObject::groups(std::string_view key) {
  const json& value = at(key);
  if (!value.is_array() || value.empty()) fail_at(key, "expected an array of arrays, found " + described(value));
  std::vector<std::vector<std::string>> groups;
  for (const json& element : value) {
    groups.push_back(texts_of(element, fmt::format("{}[{}]", key, groups.size())));
  }
  return groups;
}

std::vector<StrictObject> StrictObject::objects(std::string_view key) {
  const json& value = at(key);
  if (!value.is_array() || value.empty()) fail_at(key, "expected an array of objects, found " + described(value));
  std::vector<StrictObject> objects;
  for (const json& element : value) {
    objects.emplace_back(element, *file_, fmt::format("{}[{}]", place(key), objects.size()));
  }
  return objects;
}

StrictObject StrictObject::object(std::string_view key) { return {at(key), *file_, place(key)}; }

std::vector<std::string> StrictObject::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : value_->items()) keys.push_back(key);
  return keys;
}

void StrictObject::finish() const {
  for (const std::string& key : keys()) {
    if (asked_.contains(key)) continue;
    const std::string meant = nearest(key, {asked_.begin(), asked_.end()});
    fail_at(key, meant.empty() ? fmt::format("is not known here; known are {}", fmt::join(asked_, ", "))
                               : fmt::format("is not known here; is {} meant?", meant));
  }
}

}  // namespace sora
