#include "architecture/read_size.h"

#include <fmt/format.h>

namespace sora {

std::int64_t checked_size(const JsonObject& json, std::string_view key, std::int64_t value, std::int64_t max) {
  if (value < 1 || value > max) json.fail_at(key, fmt::format("expected 1 to {}, found {}", max, value));
  return value;
}

std::int64_t read_size(JsonObject& json, std::string_view key, std::int64_t otherwise, std::int64_t max) {
  return checked_size(json, key, json.read_or<std::int64_t>(key, otherwise), max);
}

std::int64_t read_size(JsonObject& json, std::string_view key, std::int64_t max) {
  return checked_size(json, key, json.read<std::int64_t>(key), max);
}

std::int64_t read_even_size(JsonObject& json, std::string_view key, std::int64_t otherwise, std::int64_t max) {
  const std::int64_t value = read_size(json, key, otherwise, max);
  if (value % 2 != 0) json.fail_at(key, fmt::format("expected an even number, found {}", value));
  return value;
}

}  // namespace sora
