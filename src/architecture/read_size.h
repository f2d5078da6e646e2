// Sizes in config.json files.
#pragma once

#include <cstdint>
#include <string_view>

#include "sora/checkpoint.h"

namespace sora {

/// `value`, which must be 1 to `max`, or else Error{input} for `key`.
std::int64_t checked_size(const JsonObject& json, std::string_view key, std::int64_t value, std::int64_t max);
/// 1 to `max`, or Error{input}; `otherwise` if the key is absent.
std::int64_t read_size(JsonObject& json, std::string_view key, std::int64_t otherwise, std::int64_t max);
/// The same where the key must be there.
std::int64_t read_size(JsonObject& json, std::string_view key, std::int64_t max);
std::int64_t read_even_size(JsonObject& json, std::string_view key, std::int64_t otherwise, std::int64_t max);

}  // namespace sora
