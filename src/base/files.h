// Files that are read whole, and files that appear under their final name only when they are complete.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "base/descriptor.h"
#include "base/output_folder.h"
#include "sora/error.h"

namespace sora {

/// The content of a regular file of at most `max_bytes`. Error{fault} with the path and the reason.
std::string read_file(const std::filesystem::path& path, std::int64_t max_bytes, Fault fault);

/// The system calls that a PartFile stands or falls with. Tests put failing ones in their place.
struct FileOps {
  std::function<ssize_t(int fd, const void* data, std::size_t bytes)> write = ::write;
  std::function<int(int fd)> fsync = ::fsync;
  std::function<int(int fd)> close = ::close;
  std::function<int(int from_folder, const char* from, int to_folder, const char* to, unsigned flags)> rename =
      ::renameat2;
  OpenBeneath open_beneath = sora::open_beneath;
};

/// Error{output} unless a file may be published as `path`: nothing is there, or a regular file that may be replaced.
void require_publishable(const std::filesystem::path& path, bool overwrite);

/// Makes the file that is published, `to`, which is empty, out of a draft; both are open, and stay so.
using Seal = std::function<void(int from, int to)>;

/// A file that is written as `folder/.name.part` and becomes `folder/name` in one step. Whatever goes wrong before,
/// nothing is left under either name, and a file that was to be replaced is as it was. All errors are Error{output}
/// with the path.
///
/// The part file is locked while it is written, so that a second process which writes the same output is refused, and
/// the part file of a process that was killed is told from one that is in use (and removed). Missing folders are
/// created. Nothing is written outside `root`: see open_output_folder(). An empty one stands for the file's own folder.
class PartFile {
 public:
  PartFile(std::filesystem::path path, bool overwrite, FileOps ops = {}, const std::filesystem::path& root = {});
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile();

  /// For reading and seeking.
  int fd() const { return draft_.get() >= 0 ? draft_.get() : file_.get(); }
  /// All of `bytes`, at the current position.
  void write(std::span<const std::uint8_t> bytes);
  /// Until end_draft(), fd() and write() are those of another file of the same folder, which has no name.
  void begin_draft();
  /// The draft is gone after this.
  void end_draft(const Seal& seal);
  /// To be called once. If the folder cannot be synchronised at the very end, a file that replaced another one stays.
  void publish();

 private:
  Descriptor open_folder(const std::filesystem::path& root) const;
  void open_part();
  bool try_to_create();
  void remove_if_abandoned();
  bool holds_name(int fd) const;
  void give_final_name();
  [[noreturn]] void fail_with(int error, const char* what) const;

  std::filesystem::path path_;
  std::string name_, part_name_;
  bool overwrite_;
  FileOps ops_;
  Descriptor folder_, file_, draft_;
};

}  // namespace sora
