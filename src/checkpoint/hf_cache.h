// The local cache of the Hugging Face hub, seen from a folder in it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sora {

/// The command that downloads what belongs into `folder`; if it is no snapshot of the cache, with the repository left
/// open.
std::string download_command(const std::filesystem::path& folder);

/// $HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub. It need not be there.
std::filesystem::path hub_cache_folder();

/// What people call the checkpoint in `folder`: its hub id if that is a snapshot of the cache, else the folder's name.
std::string name_of_checkpoint(const std::filesystem::path& folder);

struct CachedModel {
  std::string name;  ///< as find_checkpoint takes it: a hub id, with "@revision" unless that is main
  std::filesystem::path folder;
};

/// The snapshots in the cache that have a model_index.json, by name.
std::vector<CachedModel> cached_models();

}  // namespace sora
