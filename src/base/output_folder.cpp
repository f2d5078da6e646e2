#include "base/output_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// "." where the root itself is meant.
fs::path below(const fs::path& root, const fs::path& folder) {
  const fs::path relative = folder.lexically_normal().lexically_relative(root.lexically_normal());
  require(!relative.empty() && *relative.begin() != "..", Fault::output, "the folder {} is not below {}", shown(folder),
          shown(root));
  return relative;
}

bool is_link(int folder, const fs::path& name) {
  struct stat info {};
  return fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
}

[[noreturn]] void fail_link(const fs::path& root, const fs::path& link) {
  fail(Fault::output, "{} is a symbolic link, which may lead out of {}; nothing is written behind it", shown(link),
       shown(root));
}

Descriptor open_root(const fs::path& root) {
  std::error_code error;
  fs::create_directories(root, error);
  require(!error, Fault::output, "the folder {} cannot be created: {}", shown(root), error.message());
  Descriptor opened(open(root.c_str(), kFolder));
  require(opened.get() >= 0, Fault::output, "the folder {} cannot be opened: {}", shown(root), std::strerror(errno));
  return opened;
}

// Folder by folder, each a name in the one before it.
Descriptor walk(Descriptor folder, const fs::path& root, const fs::path& relative) {
  fs::path reached = root;
  for (const fs::path& name : relative) {
    if (name.empty() || name == ".") continue;
    reached /= name;
    const bool there = mkdirat(folder.get(), name.c_str(), 0777) == 0 || errno == EEXIST;
    require(there, Fault::output, "the folder {} cannot be created: {}", shown(reached), std::strerror(errno));
    Descriptor next(openat(folder.get(), name.c_str(), kFolder | O_NOFOLLOW));
    const int error = errno;
    if (next.get() < 0 && is_link(folder.get(), name)) fail_link(root, reached);
    require(next.get() >= 0, Fault::output, "the folder {} cannot be opened: {}", shown(reached), std::strerror(error));
    folder = std::move(next);
  }
  return folder;
}

std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  const auto close = [](DIR* list) { closedir(list); };
  Descriptor again(openat(folder, ".", kFolder));
  const std::unique_ptr<DIR, decltype(close)> list(again.get() < 0 ? nullptr : fdopendir(again.get()), close);
  if (!list) return names;
  again.release();
  while (const dirent* entry = readdir(list.get())) names.emplace_back(entry->d_name);
  return names;
}

}  // namespace

int open_beneath(int folder, const char* path) {
  open_how how{};
  how.flags = kFolder;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return static_cast<int>(syscall(SYS_openat2, folder, path, &how, sizeof how));
}

Descriptor open_output_folder(const fs::path& root, const fs::path& folder, const OpenBeneath& open) {
  const fs::path relative = below(root, folder);
  Descriptor at_root = open_root(root);
  if (relative == ".") return at_root;
  Descriptor opened(open(at_root.get(), relative.c_str()));
  if (opened.get() >= 0) return opened;
  // Missing folders, a kernel or a sandbox without the call, and what is to be said of a link.
  return walk(std::move(at_root), root, relative);
}

void remove_output_folder(const fs::path& root, const fs::path& folder,
                          const std::function<bool(std::string_view name)>& ours) {
  const fs::path relative = below(root, folder), name = relative.filename();
  const Descriptor at_root(open(root.c_str(), kFolder));
  const auto step_into = [](const Descriptor& from, const fs::path& to) {
    return Descriptor(openat(from.get(), to.c_str(), kFolder | O_NOFOLLOW));
  };
  Descriptor parent = step_into(at_root, ".");
  for (const fs::path& each : relative.parent_path()) parent = step_into(parent, each);
  const Descriptor opened = step_into(parent, name);
  if (opened.get() < 0) return;
  for (const std::string& file : names_in(opened.get())) {
    if (ours(file)) unlinkat(opened.get(), file.c_str(), 0);
  }
  unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR);
}

}  // namespace sora
