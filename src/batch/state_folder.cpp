// The folder in which processes that work on one output folder keep what they tell each other.
#include "batch/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/text.h"

namespace sora {

Descriptor open_state_folder(const std::filesystem::path& folder) {
  const std::filesystem::path state = folder / kStateFolder;
  const std::string name = shown(state);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, Fault::output, "{}: the folder cannot be created: {}", shown(folder), error.message());
  require(mkdir(state.c_str(), 0777) == 0 || errno == EEXIST, Fault::output, "{}: cannot be created: {}", name,
          std::strerror(errno));
  // A link would let whoever may write into the folder lead us elsewhere.
  Descriptor opened(open(state.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  require(opened.get() >= 0 || (errno != ENOTDIR && errno != ELOOP), Fault::output,
          "{}: is in the way, expected a folder (not a link to one); remove it", name);
  require(opened.get() >= 0, Fault::output, "{}: cannot be opened: {}", name, std::strerror(errno));
  return opened;
}

}  // namespace sora
