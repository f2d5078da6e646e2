// Temporary folders, test data, and programs that are run as a user would run them.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sora::test {

/// A new empty folder that is deleted, with what is in it, when the object goes.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// An environment variable that has `value` (or is unset, for nullptr) until the object goes.
class ScopedEnv {
 public:
  ScopedEnv(std::string name, const char* value);
  ~ScopedEnv();
  ScopedEnv(const ScopedEnv&) = delete;
  ScopedEnv& operator=(const ScopedEnv&) = delete;

 private:
  std::string name_;
  bool was_set_;
  std::string before_;
};

/// tests/data/<name>, or $SORA_TEST_DATA/<name>. Throws if it is not there.
std::filesystem::path data(std::string_view name);

/// Writes a file and the folders above it.
void write_file(const std::filesystem::path& path, std::string_view content);
std::string read_text(const std::filesystem::path& path);

/// A folder that is not there: what the developer has set for the program is not what is tested.
inline constexpr const char* kNoConfigHome = "/nonexistent";
/// In place of the user's cache folder, for programs that tests run; one folder for all of a process's.
const std::filesystem::path& scratch_cache();
/// In place of the user's data folder, likewise: keys and log are this process's own.
const std::filesystem::path& scratch_data();
/// Switch off the marks of origin, which have tests of their own: without them the same command gives the same bytes.
inline const std::map<std::string, std::string> kWithoutMarks{
    {"SORA_GEN_WATERMARK", "off"}, {"SORA_GEN_NO_PROVENANCE", "1"}, {"SORA_GEN_NO_AUDIT", "1"}};
/// In a child of this process before it becomes a program: the environment that run_program() gives.
void use_test_environment();

struct RunOptions {
  std::string input = {};  ///< what the program reads from stdin
  /// Added to, or replacing, this process's variables; SORA_GEN_* and XDG_* are not taken from those.
  std::map<std::string, std::string> env = {};
  std::chrono::seconds timeout{120};
  std::filesystem::path working_directory = {};  ///< empty: this process's
  bool marks = false;                            ///< not kWithoutMarks
};

struct RunResult {
  int exit_code = 0;  ///< 128 + n if signal n ended it
  std::string out, err;
};

/// Runs argv[0] to its end. Throws if it cannot be started, or after killing it at the timeout.
RunResult run_program(const std::vector<std::string>& argv, const RunOptions& options = {});

}  // namespace sora::test
