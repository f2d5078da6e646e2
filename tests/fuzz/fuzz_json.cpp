// Configs: the first byte of an input chooses the reader, the rest is the JSON text. A reader may refuse anything, but
// only in words that a terminal can show, and what it accepts must have a cost.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "architecture/flow_match_euler.h"
#include "architecture/skyreels_v2_transformer.h"
#include "architecture/t5.h"
#include "architecture/unipc.h"
#include "architecture/wan_transformer.h"
#include "architecture/wan_vace_transformer.h"
#include "architecture/wan_vae.h"
#include "base/text.h"
#include "sora/checkpoint.h"

namespace {

using sora::JsonObject;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_cost(const sora::NetworkCost& cost) {
  check(cost.parameters > 0 && cost.flop_per_item >= 0 && cost.flop_per_pair >= 0 && cost.values_per_item >= 0);
  check(std::isfinite(cost.flop_per_item) && std::isfinite(cost.flop_per_pair) && std::isfinite(cost.values_per_item));
}

template <class T>
void try_to_read(JsonObject& json, const std::string& key) {
  try {
    json.read_optional<T>(key);
  } catch (const sora::Error& error) {
    check(error.fault() == sora::Fault::input);
  }
}

void read_as_everything(JsonObject json) {
  for (const std::string& key : json.keys()) {
    try_to_read<bool>(json, key);
    try_to_read<int>(json, key);
    try_to_read<std::int64_t>(json, key);
    try_to_read<double>(json, key);
    try_to_read<std::string>(json, key);
    try_to_read<std::vector<bool>>(json, key);
    try_to_read<std::vector<int>>(json, key);
    try_to_read<std::vector<double>>(json, key);
    try_to_read<std::vector<std::string>>(json, key);
    try {
      json.read_object(key).finish();
    } catch (const sora::Error& error) {
      check(error.fault() == sora::Fault::input);
    }
  }
  json.finish();
}

void read(char reader, JsonObject json) {
  switch (reader) {
    case 't':
      check_cost(sora::wan_transformer_cost(sora::read_wan_transformer_config(std::move(json))));
      break;
    case 'c':
      check_cost(sora::wan_vace_transformer_cost(sora::read_wan_vace_transformer_config(std::move(json))));
      break;
    case 's':
      check_cost(sora::skyreels_v2_transformer_cost(sora::read_skyreels_v2_transformer_config(std::move(json))));
      break;
    case 'v':
      check_cost(sora::wan_vae_decoder_cost(sora::read_wan_vae_config(std::move(json))));
      break;
    case 'e':
      check_cost(sora::t5_cost(sora::read_t5_config(std::move(json))));
      break;
    case 'u':
      sora::read_unipc_config(std::move(json));
      break;
    case 'f':
      sora::read_flow_match_euler_config(std::move(json));
      break;
    default:
      read_as_everything(std::move(json));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    read(text[0], JsonObject(text.substr(1), "fuzz.json", sora::Fault::input));
  } catch (const sora::Error& error) {
    const std::string_view message = error.what();
    check(error.fault() == sora::Fault::input && sora::printable(message, message.size() + 1) == message);
  }
  return 0;
}
