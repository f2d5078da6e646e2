// Checkpoint: a folder in diffusers' layout, its model_index.json and the files that must be there.
#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "checkpoint/component_files.h"
#include "checkpoint/hf_cache.h"
#include "sora/checkpoint.h"

namespace sora {
namespace fs = std::filesystem;
namespace {

constexpr const char* kIndexFile = "model_index.json";
constexpr std::size_t kMaxListed = 100;

enum class Kind { network, scheduler, tokenizer, processor };

Kind kind_of(std::string_view component_class) {
  if (component_class.ends_with("Scheduler")) return Kind::scheduler;
  if (component_class.find("Tokenizer") != std::string_view::npos) return Kind::tokenizer;
  if (component_class.ends_with("Processor") || component_class.ends_with("Extractor")) return Kind::processor;
  return Kind::network;
}

// diffusers and transformers name their weights differently.
std::string base_name(std::string_view library) {
  return library == "transformers" ? "model" : "diffusion_pytorch_model";
}

const char* config_name(Kind kind) { return kind == Kind::scheduler ? "scheduler_config.json" : "config.json"; }

// A component's name is also its folder's.
bool is_component_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](unsigned char c) { return c < 0x80 && (std::isalnum(c) || c == '_'); });
}

[[noreturn]] void fail_no_index(const fs::path& folder) {
  const std::string expected = fmt::format("{}: has no {}", shown(folder), kIndexFile);
  if (is_file(folder / ".." / kIndexFile))
    fail(Fault::input, "{}; it is one component of a model, name the folder above it: {}", expected,
         shown((folder / "..").lexically_normal()));
  if (const std::string pickle = find_pickle(folder); !pickle.empty()) {
    fail(Fault::input,
         "{}; this is a model in its original layout, with pickles ({}), which are never opened. Use the repository of "
         "the "
         "same model in diffusers' layout; its name usually ends in -Diffusers",
         expected, printable(pickle));
  }
  fail(Fault::input, "{}; expected the folder of a model in diffusers' layout. If its download is not complete: {}",
       expected, download_command(folder));
}

// The files of one component that are not there, as paths from the checkpoint's folder.
std::vector<std::string> missing_files(const fs::path& folder, const std::string& name,
                                       const std::string& component_class, const std::string& library) {
  std::vector<std::string> missing;
  const auto need = [&](const std::string& file) {
    if (!is_file(folder / name / file)) missing.push_back(name + "/" + file);
  };
  switch (kind_of(component_class)) {
    case Kind::scheduler:
      need(config_name(Kind::scheduler));
      break;
    case Kind::tokenizer:
      if (!component_class.starts_with("T5Tokenizer")) break;
      need("spiece.model");
      need("tokenizer_config.json");
      break;
    case Kind::processor:
      need("preprocessor_config.json");
      break;
    case Kind::network: {
      need(config_name(Kind::network));
      std::optional<ComponentFiles> files;
      if (is_folder(folder / name)) files = find_component_files(folder / name, base_name(library));
      if (!files)
        missing.push_back(fmt::format("{}/{}.safetensors (or its shards)", name, base_name(library)));
      else
        for (const fs::path& path : files->missing()) missing.push_back(name + "/" + path.filename().string());
      break;
    }
  }
  return missing;
}

}  // namespace

Checkpoint::Checkpoint(fs::path folder) : folder_(std::move(folder)) {
  std::error_code ignored;
  require(fs::exists(folder_, ignored), Fault::input, "{}: there is no such folder", shown(folder_));
  require(is_folder(folder_), Fault::input, "{}: is a file; expected the folder of a model, with a {} in it",
          shown(folder_), kIndexFile);
  if (!is_file(folder_ / kIndexFile)) fail_no_index(folder_);

  JsonObject index = JsonObject::from_file(folder_ / kIndexFile);
  pipeline_ = index.read<std::string>("_class_name");
  std::vector<std::string> missing;
  for (const std::string& name : index.keys()) {
    if (!index.has_array(name)) continue;
    const auto pair = index.read<std::vector<std::optional<std::string>>>(name);
    if (pair.size() != 2 || pair[0].has_value() != pair[1].has_value())
      index.fail_at(name, "expected [library, class] or [null, null]");
    if (!pair[0]) continue;
    if (!is_component_name(name))
      index.fail_at(name, "a component's name is also its folder's; expected letters, digits and _");
    libraries_[name] = *pair[0];
    components_[name] = *pair[1];
    for (std::string& file : missing_files(folder_, name, *pair[1], *pair[0])) missing.push_back(std::move(file));
  }
  if (missing.empty()) return;
  const std::size_t count = missing.size();
  missing.resize(std::min(count, kMaxListed));
  fail(Fault::input, "{}: the model is incomplete; missing: {}{}. Download it: {}", shown(folder_),
       fmt::join(missing, ", "), count > kMaxListed ? fmt::format(" and {} more", count - kMaxListed) : "",
       download_command(folder_));
}

std::string Checkpoint::component_class(std::string_view component) const {
  const auto found = components_.find(component);
  return found == components_.end() ? "" : found->second;
}

JsonObject Checkpoint::settings() const {
  JsonObject index = JsonObject::from_file(folder_ / kIndexFile);
  index.ignore({"_class_name", "_diffusers_version", "_name_or_path"});
  for (const std::string& name : index.keys())
    if (index.has_array(name)) index.ignore({name});
  return index;
}

JsonObject Checkpoint::config(std::string_view component) const {
  const std::string wanted = component_class(component);
  JsonObject config = JsonObject::from_file(file(component, config_name(kind_of(wanted))));
  if (const auto found = config.read_optional<std::string>("_class_name"); found && *found != wanted) {
    config.fail_at("_class_name", fmt::format("expected \"{}\", as {} says, found \"{}\"", printable(wanted),
                                              kIndexFile, printable(*found)));
  }
  config.ignore(
      {"_diffusers_version", "_name_or_path", "architectures", "transformers_version", "torch_dtype", "dtype"});
  return config;
}

fs::path Checkpoint::file(std::string_view component, std::string_view name) const {
  require(components_.contains(component), Fault::input, "{}: the model has no component \"{}\"",
          shown(folder_ / kIndexFile), component);
  const fs::path path = folder_ / component;
  if (name.empty()) return path;
  require(is_file(path / name), Fault::input, "{}: there is no such file. Download it: {}", shown(path / name),
          download_command(folder_));
  return path / name;
}

std::vector<SafetensorsHeader> Checkpoint::headers(std::string_view component) const {
  const fs::path path = file(component, "");
  return read_component_headers(path, base_name(libraries_.find(component)->second));
}

}  // namespace sora
