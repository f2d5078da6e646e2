#include "checkpoint/file_hashes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>
#include <string_view>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/sha256.h"
#include "base/text.h"
#include "checkpoint/component_files.h"
#include "sora/error.h"

namespace sora {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kSha256Digits = 64, kSha1Digits = 40;
constexpr std::size_t kPiece = 4 << 20;
constexpr std::int64_t kMostSums = 16 << 20, kMostMetadata = 4096;
constexpr const char* kSums = "SHA256SUMS";
constexpr const char* kNotes = ".cache/huggingface/download";
constexpr std::string_view kNote = ".metadata";

bool is_hash(std::string_view text) {
  return (text.size() == kSha256Digits || text.size() == kSha1Digits) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

template <class Visit>
void for_each_entry(const fs::path& folder, Visit&& visit) {
  std::error_code problem;
  for (fs::recursive_directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem))
    visit(*entry);
  require(!problem, Fault::input, "{}: cannot be listed: {}", shown(folder), problem.message());
}

void sort_by_name(std::vector<ExpectedFile>& files) {
  std::sort(files.begin(), files.end(), [](const ExpectedFile& a, const ExpectedFile& b) { return a.name < b.name; });
}

// <cache>/models--org--name/snapshots/<commit>/vae/config.json -> ../../../blobs/<hash>
std::vector<ExpectedFile> files_of_links(const fs::path& folder) {
  std::vector<ExpectedFile> files;
  for_each_entry(folder, [&](const fs::directory_entry& entry) {
    std::error_code ignored;
    const fs::path target = fs::read_symlink(entry.path(), ignored);
    if (target.parent_path().filename() == "blobs" && is_hash(target.filename().native()))
      files.push_back({entry.path().lexically_relative(folder), target.filename()});
  });
  sort_by_name(files);
  return files;
}

// "<64 digits>  name" or "<64 digits> *name".
std::vector<ExpectedFile> files_of_sums(const fs::path& sums) {
  std::istringstream lines(read_file(sums, kMostSums, Fault::input));
  std::vector<ExpectedFile> files;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string hash = line.substr(0, kSha256Digits);
    const std::string gap = line.size() > kSha256Digits + 2 ? line.substr(kSha256Digits, 2) : "";
    const fs::path name = gap.empty() ? "" : fs::path(line.substr(kSha256Digits + 2)).lexically_normal();
    const bool inside = !name.empty() && name.is_relative() && *name.begin() != "..";
    require(
        is_hash(hash) && hash.size() == kSha256Digits && (gap == "  " || gap == " *") && inside, Fault::input,
        "{}: line {}: expected 64 hexadecimal digits, two spaces and the name of a file in this folder, found \"{}\"",
        shown(sums), number, printable(line));
    files.push_back({name, hash});
  }
  return files;
}

// <folder>/.cache/huggingface/download/vae/config.json.metadata: lines of commit, hash, and time.
std::vector<ExpectedFile> files_of_notes(const fs::path& notes) {
  std::vector<ExpectedFile> files;
  for_each_entry(notes, [&](const fs::directory_entry& entry) {
    if (entry.path().extension() != kNote || !is_file(entry.path())) return;
    std::istringstream lines(read_file(entry.path(), kMostMetadata, Fault::input));
    std::string commit, hash;
    if (!std::getline(lines, commit) || !std::getline(lines, hash) || !is_hash(hash)) return;
    files.push_back({entry.path().lexically_relative(notes).replace_extension(), hash});
  });
  sort_by_name(files);
  return files;
}

}  // namespace

ExpectedFiles expected_files(const fs::path& folder) {
  if (auto files = files_of_links(folder); !files.empty()) return {"the Hugging Face cache", std::move(files)};
  if (is_file(folder / kSums)) return {kSums, files_of_sums(folder / kSums)};
  if (is_folder(folder / kNotes)) {
    if (auto files = files_of_notes(folder / kNotes); !files.empty()) return {"hf download", std::move(files)};
  }
  return {};
}

std::string hash_like(const std::string& expected, const fs::path& file,
                      const std::function<void(std::int64_t)>& on_read) {
  const Descriptor opened(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  require(opened.get() >= 0 && fstat(opened.get(), &info) == 0, Fault::input, "{}: cannot be opened: {}", shown(file),
          std::strerror(errno));
  require(S_ISREG(info.st_mode), Fault::input, "{}: is not a regular file", shown(file));
  posix_fadvise(opened.get(), 0, 0, POSIX_FADV_SEQUENTIAL);

  const bool git = expected.size() == kSha1Digits;
  std::optional<Sha1> blob;
  Sha256 sha256;
  if (git) blob.emplace().update(fmt::format("blob {}", info.st_size) + '\0');
  Digest& digest = git ? static_cast<Digest&>(*blob) : sha256;
  std::string piece(kPiece, '\0');
  while (true) {
    check_interrupted();
    const ssize_t got = read(opened.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    require(got >= 0, Fault::input, "{}: cannot be read: {}", shown(file), std::strerror(errno));
    if (got == 0) return digest.hex();
    digest.update(std::string_view(piece).substr(0, static_cast<std::size_t>(got)));
    on_read(got);
  }
}

std::string sha256_of_file(const fs::path& file) {
  return hash_like(std::string(kSha256Digits, '0'), file, [](std::int64_t) {});
}

}  // namespace sora
