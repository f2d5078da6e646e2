// Keys that the configs of flow-matching schedulers share.
#include "architecture/scheduler_config.h"

#include <algorithm>

#include "base/text.h"

namespace sora {
namespace {
constexpr int kMaxTrainTimesteps = 1'000'000;
constexpr double kMaxShift = 1e6;
}  // namespace

int read_train_timesteps(JsonObject& json, int otherwise) {
  const int value = json.read_or("num_train_timesteps", otherwise);
  if (value < 2 || value > kMaxTrainTimesteps) {
    json.fail_at("num_train_timesteps", fmt::format("expected 2 to {}, found {}", kMaxTrainTimesteps, value));
  }
  return value;
}

double read_shift(JsonObject& json, std::string_view key, double otherwise) {
  const double value = json.read_or(key, otherwise);
  if (!(value > 0 && value <= kMaxShift)) {
    json.fail_at(key, fmt::format("expected a number above 0 and at most {}, found {}", kMaxShift, value));
  }
  return value;
}

double read_shift_terminal(JsonObject& json) {
  const double value = json.read_optional<double>("shift_terminal").value_or(0);
  if (!(value >= 0 && value < 1)) {
    json.fail_at("shift_terminal", fmt::format("expected a number from 0 to below 1, found {}", value));
  }
  return value;
}

void refuse_dynamic_shifting(JsonObject& json) {
  refuse_true(json, "use_dynamic_shifting", "it needs a `mu`, which the reference's Wan pipelines do not pass");
}

void refuse_true(JsonObject& json, std::string_view key, std::string_view reason) {
  if (json.read_or(key, false)) json.fail_at(key, fmt::format("is true: {}; expected false", reason));
}

std::string read_choice(JsonObject& json, std::string_view key, const std::string& otherwise,
                        std::initializer_list<std::string_view> choices) {
  const auto value = json.read_or(key, otherwise);
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    json.fail_at(key, fmt::format("expected \"{}\", found \"{}\"", fmt::join(choices, "\" or \""), printable(value)));
  }
  return value;
}

}  // namespace sora
