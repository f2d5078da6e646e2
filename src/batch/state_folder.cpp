#include "batch/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "sora/error.h"

namespace sora {

Descriptor open_state_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string name = printable((folder / kStateFolder).native(), 300);
  require(!error, Fault::output, "{}: its folder cannot be created: {}", name, error.message());
  const Descriptor parent(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  require(parent.get() >= 0, Fault::output, "{}: its folder cannot be opened: {}", name, std::strerror(errno));
  const bool made = mkdirat(parent.get(), kStateFolder, 0755) == 0 || errno == EEXIST;
  require(made, Fault::output, "{}: cannot be created: {}", name, std::strerror(errno));
  Descriptor opened(openat(parent.get(), kStateFolder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  require(opened.get() >= 0, Fault::output, "{}: cannot be opened as a folder: {}", name, std::strerror(errno));
  return opened;
}

}  // namespace sora
