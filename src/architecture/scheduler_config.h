// Keys that the configs of flow-matching schedulers share.
#pragma once

#include <string_view>

#include "sora/checkpoint.h"

namespace sora {

int read_train_timesteps(JsonObject& json, int otherwise);
/// flow_shift or shift: a number above 0.
double read_shift(JsonObject& json, std::string_view key, double otherwise);
/// A number in [0, 1); 0 if it is absent or null.
double read_shift_terminal(JsonObject& json);
void refuse_dynamic_shifting(JsonObject& json);
/// Refuses `true` under `key`; `reason` completes "is true: ".
void refuse_true(JsonObject& json, std::string_view key, std::string_view reason);
/// A string that must be one of `choices`.
std::string read_choice(JsonObject& json, std::string_view key, const std::string& otherwise,
                        std::initializer_list<std::string_view> choices);

}  // namespace sora
