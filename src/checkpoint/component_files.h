// Which files of a component's folder hold its weights.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sora {

struct ComponentFiles {
  /// Full paths, sorted; they need not be there.
  std::vector<std::filesystem::path> weights;
  /// Of a sharded component: the file that lists the shards, and the shard of each tensor.
  std::filesystem::path index;
  std::map<std::string, std::string> shard_of;

  bool sharded() const { return !index.empty(); }
  /// Those of `weights` that are no files.
  std::vector<std::filesystem::path> missing() const;
};

/// Reads names alone, and the index. Empty if there are no weights. Error{input} if there are only pickles, or several
/// sets of weights of which none goes first.
std::optional<ComponentFiles> find_component_files(const std::filesystem::path& folder, std::string_view base_name);

/// The first of `folder`'s files that is a pickle by its name; empty if there is none.
std::string find_pickle(const std::filesystem::path& folder);

/// A regular file or a link to one; a folder or a link to one. What cannot be examined is neither.
bool is_file(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);

}  // namespace sora
