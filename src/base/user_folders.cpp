#include "base/user_folders.h"

#include <cstdlib>

#include "sora/error.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

// As the specification has it, a relative path is as good as none.
fs::path folder_in(const char* variable) {
  const char* value = std::getenv(variable);
  const fs::path folder = value == nullptr ? "" : value;
  return folder.is_absolute() ? folder : "";
}

fs::path user_folder(const char* variable, const fs::path& in_home) {
  const fs::path folder = folder_in(variable), home = folder_in("HOME");
  if (!folder.empty()) return folder / "sora-gen";
  return home.empty() ? home : home / in_home / "sora-gen";
}

}  // namespace

fs::path user_cache_folder() { return user_folder("XDG_CACHE_HOME", ".cache"); }

fs::path user_data_folder() {
  const fs::path folder = user_folder("XDG_DATA_HOME", ".local/share");
  require(!folder.empty(), Fault::usage,
          "keys and records have no place: neither XDG_DATA_HOME nor HOME is set to a whole path");
  return folder;
}

}  // namespace sora
