// The local cache of the Hugging Face hub, seen from a folder in it.
#pragma once

#include <filesystem>
#include <string>

namespace sora {

/// The command that downloads what belongs into `folder`; if it is no snapshot of the cache, with the repository left
/// open.
std::string download_command(const std::filesystem::path& folder);

}  // namespace sora
