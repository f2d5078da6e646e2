#include "checkpoint/digests.h"

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/files.h"
#include "base/user_folders.h"
#include "checkpoint/file_hashes.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::size_t kDigits = 64, kMostKept = 1000;
constexpr std::int64_t kMostCacheBytes = 4 << 20;

bool is_digest(const std::string& name) {
  return name.size() == kDigits && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// Digests that were computed before, by what tells whether a file is still the same. Nobody but the system sets the
/// time of a file's last change of status. A cache: where it cannot be read or written, there is none.
class KnownDigests {
 public:
  KnownDigests() : file_(user_cache_folder()) {
    std::error_code none;
    if (file_.empty()) return;
    file_ /= "digests.json";
    if (!fs::exists(file_, none)) return;
    try {
      const ordered_json json = ordered_json::parse(read_file(file_, kMostCacheBytes, Fault::input));
      for (const auto& entry : json) known_.push_back({entry.at(0).get<std::string>(), entry.at(1).get<std::string>()});
    } catch (const std::exception&) {
      known_.clear();
    }
  }
  KnownDigests(const KnownDigests&) = delete;
  KnownDigests& operator=(const KnownDigests&) = delete;

  ~KnownDigests() {
    if (!changed_ || file_.empty()) return;
    try {
      ordered_json json = ordered_json::array();
      const std::size_t first = known_.size() > kMostKept ? known_.size() - kMostKept : 0;
      for (std::size_t i = first; i < known_.size(); ++i) json.push_back({known_[i].state, known_[i].sha256});
      const std::string text = json.dump(1, ' ', true, ordered_json::error_handler_t::replace);
      PartFile part(file_, /*overwrite=*/true);
      part.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
      part.publish();
    } catch (const std::exception&) {  // the next one computes them again
    }
  }

  std::string of(const fs::path& file) {
    const std::string state = state_of(file);
    const auto found =
        std::find_if(known_.begin(), known_.end(), [&](const Known& each) { return each.state == state; });
    if (found != known_.end()) return found->sha256;
    const std::string sha256 = sha256_of_file(file);
    if (state_of(file) != state) return sha256;
    changed_ = true;
    return known_.emplace_back(Known{state, sha256}).sha256;
  }

 private:
  struct Known {
    std::string state, sha256;
  };

  static std::string state_of(const fs::path& file) {
    struct stat info {};
    if (stat(file.c_str(), &info) != 0) return "";
    return fmt::format("{} {} {} {}.{:09}", info.st_dev, info.st_ino, info.st_size, info.st_ctim.tv_sec,
                       info.st_ctim.tv_nsec);
  }

  fs::path file_;
  std::vector<Known> known_;
  bool changed_ = false;
};

}  // namespace

std::map<std::string, std::string> digests_of(const Checkpoint& checkpoint) {
  KnownDigests known;
  std::map<std::string, std::string> digests;
  for (const auto& [component, name] : checkpoint.components()) {
    std::error_code none;
    for (const fs::directory_entry& entry : fs::directory_iterator(checkpoint.folder() / component, none)) {
      if (!entry.is_regular_file(none)) continue;
      const fs::path real = fs::canonical(entry.path());
      const bool named_by_digest = real.parent_path().filename() == "blobs" && is_digest(real.filename().string());
      digests[component + "/" + entry.path().filename().string()] =
          named_by_digest ? real.filename().string() : known.of(real);
    }
  }
  return digests;
}

}  // namespace sora
