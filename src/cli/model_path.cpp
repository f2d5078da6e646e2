// The shipped checkpoint: beside the program when installed, in the source tree when built.
#include "cli/model_path.h"

#include <algorithm>

#include "checkpoint/component_files.h"
#include "checkpoint/hf_cache.h"
#include "sora/checkpoint.h"
#include "sora/error.h"

namespace sora {

namespace fs = std::filesystem;

namespace {

constexpr const char* kShipped = "tiny-world";
constexpr const char* kIndex = "model_index.json";

fs::path installed_data() {
  std::error_code none;
  const fs::path program = fs::read_symlink("/proc/self/exe", none);
  return program.parent_path().parent_path() / "share/sora-gen";
}

fs::path installed_models() { return installed_data() / "models"; }

fs::path built_models() { return SORA_MODELS_DIR; }

std::vector<LocalModel> shipped_models() {
  std::vector<LocalModel> models;
  const fs::path folder = is_file(installed_models() / kShipped / kIndex) ? installed_models() : built_models();
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    if (is_file(entry->path() / kIndex)) models.push_back({entry->path().filename(), entry->path(), true});
  }
  std::sort(models.begin(), models.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return models;
}

}  // namespace

fs::path shipped_model() {
  const fs::path installed = installed_models() / kShipped, built = built_models() / kShipped;
  for (const fs::path& folder : {installed, built}) {
    if (is_file(folder / kIndex)) return folder;
  }
  fail(Fault::input, "the checkpoint that ships with sora-gen is neither at {} nor at {}; give --model",
       installed.string(), built.string());
}

fs::path model_folder(const std::string& name) {
  if (name.empty()) return shipped_model();
  std::error_code none;
  if (fs::exists(name, none)) return name;
  for (const LocalModel& model : shipped_models()) {
    if (model.name == name) return model.folder;
  }
  return find_checkpoint(name);
}

fs::path shipped_policy() {
  const fs::path installed = installed_data() / "policy.json", built = fs::path(SORA_CONFIGS_DIR) / "policy.json";
  return is_file(installed) || !is_file(built) ? installed : built;
}

std::vector<LocalModel> local_models() {
  std::vector<LocalModel> models = shipped_models();
  for (CachedModel& cached : cached_models()) models.push_back({std::move(cached.name), std::move(cached.folder)});
  return models;
}

}  // namespace sora
