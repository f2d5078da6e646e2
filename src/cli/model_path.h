// Where the checkpoint lies that is used when no --model is given.
#pragma once

#include <filesystem>
#include <string>

namespace sora {

/// tiny-world: ../share/sora-gen/models of an installation, or models/ of the source tree. Throws Error{input} if
/// neither is there.
std::filesystem::path shipped_model();

/// The folder of `name` (see find_checkpoint), or of the shipped model if `name` is empty.
std::filesystem::path model_folder(const std::string& name);

}  // namespace sora
