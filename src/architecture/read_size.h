// Sizes in config.json files.
#pragma once

#include <cstdint>
#include <string_view>

#include "sora/checkpoint.h"

namespace sora {

/// 1 to `max`, or Error{input}; `otherwise` if the key is absent.
std::int64_t read_size(JsonObject& json, std::string_view key, std::int64_t otherwise, std::int64_t max);
std::int64_t read_even_size(JsonObject& json, std::string_view key, std::int64_t otherwise, std::int64_t max);

}  // namespace sora
