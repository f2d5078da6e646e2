#include "checkpoint/component_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <map>
#include <set>

#include "base/text.h"
#include "sora/checkpoint.h"

namespace sora {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kWeights = ".safetensors", kIndex = ".safetensors.index", kJson = ".json";

std::vector<std::string> file_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem))
    if (is_file(entry->path())) names.push_back(entry->path().filename().string());
  require(!problem, Fault::input, "{}: cannot be listed: {}", shown(folder), problem.message());
  std::sort(names.begin(), names.end());
  return names;
}

bool is_variant(std::string_view word) {
  return !word.empty() &&
         std::all_of(word.begin(), word.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

// "fp16" if `name` is <base>.fp16.safetensors or <base>.safetensors.index.fp16.json, else empty.
std::string_view variant_of(std::string_view name, std::string_view base) {
  if (!name.starts_with(base)) return {};
  name.remove_prefix(base.size());
  if (name.ends_with(kWeights))
    name.remove_suffix(kWeights.size());
  else if (name.starts_with(kIndex) && name.ends_with(kJson))
    name = name.substr(kIndex.size(), name.size() - kIndex.size() - kJson.size());
  else
    return {};
  return name.starts_with('.') && is_variant(name.substr(1)) ? name.substr(1) : std::string_view{};
}

// The shards of an index.json: tensor -> file.
std::map<std::string, std::string> read_weight_map(const fs::path& index) {
  JsonObject json = JsonObject::from_file(index);
  json.ignore({"metadata"});
  JsonObject weight_map = json.read_object("weight_map");
  json.finish();
  std::map<std::string, std::string> shards;
  for (const std::string& tensor : weight_map.keys()) {
    const std::string file = weight_map.read<std::string>(tensor);
    // The index is not trusted to name files outside its folder.
    const bool plain = printable(file, 256) == file && file.find('/') == std::string::npos && file.ends_with(kWeights);
    if (!plain)
      weight_map.fail_at(tensor, fmt::format("expected the name of a safetensors file in the same folder, found \"{}\"",
                                             printable(file)));
    shards.emplace(tensor, file);
  }
  require(!shards.empty(), Fault::input, "{}: key \"weight_map\": names no tensors", shown(index));
  return shards;
}

ComponentFiles files_of(const fs::path& folder, const std::string& name) {
  ComponentFiles files;
  if (!name.ends_with(kJson)) {
    files.weights = {folder / name};
    return files;
  }
  files.index = folder / name;
  files.shard_of = read_weight_map(files.index);
  std::set<fs::path> shards;
  for (const auto& [tensor, file] : files.shard_of) shards.insert(folder / file);
  files.weights.assign(shards.begin(), shards.end());
  return files;
}

// What the index says of each shard, and nothing else, must be in it.
void check_shards(const ComponentFiles& files, const std::vector<SafetensorsHeader>& headers) {
  std::map<std::string, const SafetensorsHeader*> by_name;
  for (const SafetensorsHeader& header : headers) {
    by_name[header.file.filename().string()] = &header;
    for (const auto& [tensor, stored] : header.tensors) {
      const auto listed = files.shard_of.find(tensor);
      const std::string says = listed == files.shard_of.end() ? "does not list" : "says is in " + listed->second;
      require(listed != files.shard_of.end() && listed->second == header.file.filename(), Fault::input,
              "{}: holds tensor \"{}\", which {} {}", shown(header.file), tensor, files.index.filename().string(),
              says);
    }
  }
  for (const auto& [tensor, file] : files.shard_of)
    require(by_name.at(file)->tensors.contains(tensor), Fault::input,
            "{}: says that tensor \"{}\" is in {}, which does not hold it", shown(files.index), printable(tensor),
            file);
}

}  // namespace

std::vector<fs::path> ComponentFiles::missing() const {
  std::vector<fs::path> paths;
  std::copy_if(weights.begin(), weights.end(), std::back_inserter(paths),
               [](const fs::path& path) { return !is_file(path); });
  return paths;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::string find_pickle(const fs::path& folder) {
  constexpr std::array<std::string_view, 5> kSuffixes{".bin", ".pt", ".pth", ".ckpt", ".pkl"};
  for (const std::string& name : file_names(folder))
    if (std::any_of(kSuffixes.begin(), kSuffixes.end(),
                    [&](std::string_view suffix) { return name.ends_with(suffix); }))
      return name;
  return {};
}

std::optional<ComponentFiles> find_component_files(const fs::path& folder, std::string_view base_name) {
  const std::vector<std::string> names = file_names(folder);
  const std::string base(base_name), single = base + std::string(kWeights), index = single + ".index.json";
  std::vector<std::string> candidates;
  for (const std::string& name : {single, index})
    if (std::binary_search(names.begin(), names.end(), name)) candidates.push_back(name);
  if (candidates.empty())
    std::copy_if(names.begin(), names.end(), std::back_inserter(candidates),
                 [&](const std::string& name) { return !variant_of(name, base).empty(); });
  require(candidates.size() <= 1, Fault::input,
          "{}: holds {} sets of weights: {}; expected one, so keep {} or the one that is wanted", shown(folder),
          candidates.size(), printable(fmt::format("{}", fmt::join(candidates, ", ")), 300), single);
  if (!candidates.empty()) return files_of(folder, candidates[0]);

  const std::string pickle = find_pickle(folder);
  require(pickle.empty(), Fault::input,
          "{}: its weights are pickles ({}); these are never opened, because loading a pickle runs the code in it. "
          "Download the model's safetensors files ({}) or convert the pickles where you trust them",
          shown(folder), printable(pickle), single);
  return std::nullopt;
}

std::vector<SafetensorsHeader> read_component_headers(const fs::path& folder, std::string_view base_name) {
  const std::optional<ComponentFiles> files = find_component_files(folder, base_name);
  require(files.has_value(), Fault::input,
          "{}: holds no weights; expected {}.safetensors, or its shards with {}.safetensors.index.json", shown(folder),
          base_name, base_name);
  const std::vector<fs::path> missing = files->missing();
  require(missing.empty(), Fault::input, "{}: {} shards that {} names are missing, the first is {}", shown(folder),
          missing.size(), files->index.filename().string(), missing.empty() ? "" : missing[0].filename().string());
  std::vector<SafetensorsHeader> headers;
  for (const fs::path& path : files->weights) headers.push_back(read_safetensors_header(path));
  if (files->sharded()) check_shards(*files, headers);
  return headers;
}

}  // namespace sora
