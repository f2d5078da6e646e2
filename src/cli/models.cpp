// sora-gen models: the checkpoints on this machine, from their configs and the headers of their weights.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "checkpoint/component_files.h"
#include "checkpoint/hf_cache.h"
#include "cli/command.h"
#include "cli/component_facts.h"
#include "cli/model_path.h"
#include "cli/report.h"
#include "families/registry.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

struct Row {
  LocalModel model;
  std::string pipeline, family;  // empty if that cannot be said
  std::int64_t bytes = 0;
  std::set<std::string> types;
  std::vector<std::string_view> skills;
  std::string problem;  // why it cannot be used
};

// What several links lead to is counted once.
std::int64_t bytes_on_disk(const fs::path& folder) {
  std::set<fs::path> files;
  std::error_code problem, ignored;
  for (fs::recursive_directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem))
    if (is_file(entry->path())) files.insert(fs::canonical(entry->path(), ignored));
  std::int64_t bytes = 0;
  for (const fs::path& file : files) {
    const auto size = fs::file_size(file, ignored);
    if (!ignored) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

Row look_at(const LocalModel& model) {
  Row row;
  row.model = model;
  row.bytes = bytes_on_disk(model.folder);
  try {
    const Checkpoint checkpoint(model.folder);
    row.pipeline = checkpoint.pipeline();
    const Traits traits = read_traits(checkpoint);
    row.family = traits.family;
    row.skills = skills_of(traits);
    for (const Component& component : read_components(checkpoint))
      row.types.insert(component.types.begin(), component.types.end());
  } catch (const Error& error) {
    if (error.fault() != Fault::input) throw;
    row.problem = error.what();
  }
  return row;
}

std::string listed(const std::vector<Row>& rows) {
  std::size_t widest = 0;
  for (const Row& row : rows) widest = std::max(widest, printable(row.model.name, 100).size());
  std::string text;
  for (const Row& row : rows) {
    text += fmt::format("{:<{}}  {:<16} {:>9}  {}\n", printable(row.model.name, 100), widest,
                        row.family.empty() ? "?" : row.family, human_bytes(row.bytes), fmt::join(row.types, ", "));
    if (!row.problem.empty())
      text += fmt::format("  cannot be used: {}\n", printable(row.problem, 2000));
    else if (!row.skills.empty())
      text += fmt::format("  also can {}\n", fmt::join(row.skills, ", "));
  }
  const bool cached = std::any_of(rows.begin(), rows.end(), [](const Row& row) { return !row.model.shipped; });
  if (!cached) text += fmt::format("no others: the Hugging Face cache {} has none\n", shown(hub_cache_folder()));
  return text;
}

ordered_json described(const std::vector<Row>& rows) {
  ordered_json list = ordered_json::array();
  const auto or_null = [](const std::string& text) { return text.empty() ? ordered_json() : ordered_json(text); };
  for (const Row& row : rows) {
    list.push_back({{"name", row.model.name},
                    {"folder", row.model.folder.string()},
                    {"shipped", row.model.shipped},
                    {"pipeline", or_null(row.pipeline)},
                    {"family", or_null(row.family)},
                    {"bytes", row.bytes},
                    {"types", row.types},
                    {"also_can", row.skills},
                    {"problem", or_null(row.problem)}});
  }
  return {{"exit", 0}, {"models", list}};
}

}  // namespace

void run_models(const Models& options) {
  const std::vector<LocalModel> models = local_models();
  if (options.names) {
    std::string names;
    for (const LocalModel& model : models) names += model.name + '\n';
    return write_result(names);
  }
  std::vector<Row> rows;
  for (const LocalModel& model : models) rows.push_back(look_at(model));
  if (options.json)
    write_json(described(rows));
  else
    write_result(listed(rows));
}

}  // namespace sora
