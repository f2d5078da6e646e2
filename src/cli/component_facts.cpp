#include "cli/component_facts.h"

#include <filesystem>

namespace sora {
namespace {

namespace fs = std::filesystem;

bool has_weights(const fs::path& folder) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (entry.path().extension() == ".safetensors") return true;
  }
  return false;
}

}  // namespace

std::vector<Component> read_components(const Checkpoint& checkpoint) {
  std::vector<Component> components;
  for (const auto& [name, class_name] : checkpoint.components()) {
    if (class_name.empty()) continue;
    Component& component = components.emplace_back();
    component.name = name;
    component.class_name = class_name;
    if (!has_weights(checkpoint.folder() / name)) continue;
    for (const SafetensorsHeader& header : checkpoint.headers(name)) {
      component.files.push_back(header.file.filename().string());
      for (const auto& [tensor_name, tensor] : header.tensors) {
        component.parameters += (tensor.end - tensor.begin) / size_of(tensor.type);
        component.bytes += tensor.end - tensor.begin;
        component.types.emplace(to_string(tensor.type));
      }
    }
  }
  return components;
}

std::vector<std::string_view> skills_of(const Traits& traits) {
  std::vector<std::string_view> skills;
  for (const Skill skill : kSkills) {
    if (can(traits, skill)) skills.push_back(to_string(skill));
  }
  return skills;
}

}  // namespace sora
