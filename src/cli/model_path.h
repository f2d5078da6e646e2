// Where checkpoints lie: those that ship with the program, and those that the user names. And the shipped policy.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sora {

/// tiny-world: ../share/sora-gen/models of an installation, or models/ of the source tree. Throws Error{input} if
/// neither is there.
std::filesystem::path shipped_model();

/// The folder of `name` (see find_checkpoint); of the shipped model if `name` is empty or its name.
std::filesystem::path model_folder(const std::string& name);

struct LocalModel {
  std::string name;  ///< as model_folder takes it
  std::filesystem::path folder;
  bool shipped = false;
};

/// What lies beside the shipped model, and in the Hugging Face cache.
std::vector<LocalModel> local_models();

/// policy.json in ../share/sora-gen of an installation, or in configs/ of the source tree; the first if neither is
/// there.
std::filesystem::path shipped_policy();

}  // namespace sora
