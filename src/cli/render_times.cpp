#include "cli/render_times.h"

#include <spdlog/spdlog.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/user_folders.h"
#include "batch/identity.h"
#include "cli/placement.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::int64_t kMostBytes = 4 << 20;
constexpr std::size_t kPlaceDigits = 16;

// Throws nlohmann's exceptions where something is not as write_timings leaves it.
Timings timings_of(const ordered_json& json) {
  Timings timings;
  if (json.at("version").get<int>() != kFormat) return timings;
  for (const ordered_json& entry : json.at("timings")) {
    const auto name = entry.at("name").get<std::string>();
    for (const double value : entry.at("values").get<std::vector<double>>()) {
      if (std::isfinite(value) && value >= 0) timings.add(name, value);
    }
  }
  return timings;
}

}  // namespace

std::filesystem::path timings_file() {
  const std::filesystem::path cache = user_cache_folder();
  return cache.empty() ? cache : cache / "timings.json";
}

Timings read_timings(const std::filesystem::path& file) {
  std::error_code none;
  if (file.empty() || !std::filesystem::exists(file, none)) return {};
  try {
    return timings_of(ordered_json::parse(read_file(file, kMostBytes, Fault::input)));
  } catch (const std::exception& error) {
    spdlog::debug("{}: times of earlier renders cannot be read: {}", shown(file), printable(error.what(), 300));
    return {};
  }
}

void write_timings(const std::filesystem::path& file, const Timings& timings) {
  if (file.empty()) return;
  ordered_json entries = ordered_json::array();
  for (const Timings::Entry& entry : timings.entries()) {
    entries.push_back({{"name", entry.name}, {"values", entry.values}});
  }
  const std::string text = ordered_json{{"version", kFormat}, {"timings", entries}}.dump(
                               1, ' ', false, ordered_json::error_handler_t::replace) +
                           "\n";
  try {
    PartFile part(file, /*overwrite=*/true);
    part.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    part.publish();
  } catch (const std::exception& error) {
    spdlog::debug("the times of this render are not kept: {}", error.what());
  }
}

RenderTimes::RenderTimes(const Checkpoint& checkpoint, const Placement& placement) : file_(timings_file()) {
  const std::string place = fmt::format("{}\n{}\n{}\n{}", fingerprint_of(checkpoint), SORA_VERSION,
                                        hardware_name(placement), dtype_name(placement));
  place_ = sha256_hex(place).substr(0, kPlaceDigits);
}

void RenderTimes::learn(const Plan& plan, const JobResult& result) const {
  Timings timings = known();
  const std::vector<Timings::Entry> before = timings.entries();
  sora::learn(timings, plan, result, place_);
  if (timings.entries() != before) write_timings(file_, timings);
}

}  // namespace sora
