// Folders that outputs go to, opened so that nothing leads out of a root: whatever their names were made of, and
// whoever puts symbolic links there meanwhile. What is then done by name is done in the open folder.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "base/descriptor.h"

namespace sora {

/// openat2() of a folder at or below `folder`, through no symbolic link; -1 and errno, which is ENOSYS on old kernels.
int open_beneath(int folder, const char* path);
using OpenBeneath = std::function<int(int folder, const char* path)>;

/// Opens `folder`, which is `root` or lies below it, and creates what is missing of it. The root may be reached through
/// symbolic links, as its user named it; below it none is followed. Error{output} with what cannot be opened.
Descriptor open_output_folder(const std::filesystem::path& root, const std::filesystem::path& folder,
                              const OpenBeneath& open = open_beneath);

/// Removes the files in `folder`, which lies below `root`, that `ours` knows by name, and the folder if nothing else is
/// in it. What cannot be removed stays, and so does all behind a symbolic link.
void remove_output_folder(const std::filesystem::path& root, const std::filesystem::path& folder,
                          const std::function<bool(std::string_view name)>& ours);

}  // namespace sora
