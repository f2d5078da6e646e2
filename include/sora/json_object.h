// JSON as people and other programs write it, read so that nothing in it is overlooked.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sora/error.h"

namespace sora {

/// A JSON object that is read key by key, with types, and complains about every key that nobody read.
/// All errors are Error{fault} with the file, the key's path, what was expected and what was found.
class JsonObject {
 public:
  /// Parses `text`; duplicate keys, trailing commas, comments, NaN, invalid UTF-8, depth beyond 64 and more than a
  /// million values are errors. `fault` is input for a checkpoint's file and usage for one that the user writes.
  /// `remedy` is what can be done, and ends each message.
  JsonObject(std::string_view text, std::filesystem::path file, Fault fault, std::string remedy = {});
  /// Reads and parses a file of at most 16 MiB.
  static JsonObject from_file(const std::filesystem::path& file, Fault fault = Fault::input);
  JsonObject(JsonObject&&) noexcept;
  JsonObject& operator=(JsonObject&&) noexcept;
  ~JsonObject();

  /// T: bool, int, std::int64_t, std::uint64_t, double, std::string, std::vector of these, of
  /// std::optional<std::string> or of std::vector<std::string>. Numbers are never narrowed: 1.5 and 2^63 are no ints;
  /// an integer is a double. A null is never a T.
  template <class T>
  T read(std::string_view key);
  /// `otherwise` if the key is absent.
  template <class T>
  T read_or(std::string_view key, T otherwise);
  /// Empty if the key is absent or null.
  template <class T>
  std::optional<T> read_optional(std::string_view key);
  /// The object under `key`, to be read and finished like this one.
  JsonObject read_object(std::string_view key);
  /// The objects of the array under `key`, each to be finished.
  std::vector<JsonObject> read_objects(std::string_view key);
  /// Absent is fine; present it must equal `only`, because nothing else is supported. T as in read, or nullptr_t for
  /// null.
  template <class T>
  void expect(std::string_view key, const T& only);
  void expect(std::string_view key, const char* only);
  /// Keys that may be there with any value, because they do not matter to inference.
  void ignore(std::initializer_list<std::string_view> keys);
  bool has(std::string_view key) const;
  bool has_array(std::string_view key) const;
  std::vector<std::string> keys() const;
  /// An error that names all keys that were not read. Call it after the last read.
  void finish() const;
  /// Throws with file and key path in front: for values that have the right type and are still wrong.
  [[noreturn]] void fail_at(std::string_view key, std::string_view what) const;
  const std::filesystem::path& file() const { return file_; }

 private:
  /// The object at `key` in `outer`.
  JsonObject(const nlohmann::json& value, const JsonObject& outer, std::string_view key);
  /// The value, now marked as read; nullptr if the key is absent.
  const nlohmann::json* find(std::string_view key);
  std::string path_of(std::string_view key) const;
  /// Throws with the file in front and the remedy behind.
  [[noreturn]] void fail_with(std::string_view what) const;
  [[noreturn]] void fail_missing(std::string_view key, std::string_view expected) const;
  /// What may be meant by a key that is unknown; "" where there is nothing to say.
  std::string hint_for(const std::string& unknown) const;
  template <class T>
  T convert(std::string_view key, const nlohmann::json& value) const;
  std::unique_ptr<nlohmann::json> value_;
  std::filesystem::path file_;
  std::string path_;  // "" or "a.b": where in the file this object stands
  Fault fault_;
  std::string remedy_;  // "" or "; ..."
  std::set<std::string, std::less<>> asked_;
};

}  // namespace sora
