// A JSON file that is read key by key; what has the wrong type, is missing or was not asked for is Error{usage} with
// the file and the place in it.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sora {

/// The object in `text`. Keys that are there twice are an error.
nlohmann::json parse_strictly(const std::string& text, const std::filesystem::path& file);

/// One object of the file. It refers to the JSON that it was made of.
class StrictObject {
 public:
  StrictObject(const nlohmann::json& value, const std::filesystem::path& file, std::string path);

  /// Counts as asked for: what is there must then be read.
  bool has(std::string_view key);
  std::string text(std::string_view key);
  bool flag_or(std::string_view key, bool otherwise);
  int integer(std::string_view key, int least, int most);
  std::vector<std::string> texts(std::string_view key);
  std::vector<StrictObject> objects(std::string_view key);
  /// Arrays of strings in an array.
  std::vector<std::vector<std::string>> groups(std::string_view key);
  StrictObject object(std::string_view key);
  std::vector<std::string> keys() const;
  /// Throws for the keys that nobody asked for; call it after the last.
  void finish() const;

  std::string place(std::string_view key) const;
  [[noreturn]] void fail_at(std::string_view key, std::string_view what) const;

 private:
  const nlohmann::json& at(std::string_view key);
  std::vector<std::string> texts_of(const nlohmann::json& value, const std::string& key) const;

  const nlohmann::json* value_;
  const std::filesystem::path* file_;
  std::string path_;
  std::set<std::string, std::less<>> asked_;
};

/// Throws Error{usage} "FILE: PLACE: WHAT; ..." with what can be done.
[[noreturn]] void fail_policy(const std::filesystem::path& file, std::string_view place, std::string_view what);

}  // namespace sora
