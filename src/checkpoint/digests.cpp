#include "checkpoint/digests.h"

#include "checkpoint/file_hashes.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 64;

bool is_digest(const std::string& name) {
  return name.size() == kDigits && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string digest_of(const fs::path& file) {
  const fs::path real = fs::canonical(file);
  if (real.parent_path().filename() == "blobs" && is_digest(real.filename().string())) return real.filename().string();
  return hash_like(std::string(kDigits, '0'), file, [](std::int64_t) {});
}

}  // namespace

std::map<std::string, std::string> digests_of(const Checkpoint& checkpoint) {
  std::map<std::string, std::string> digests;
  for (const auto& [component, name] : checkpoint.components()) {
    std::error_code none;
    for (const fs::directory_entry& entry : fs::directory_iterator(checkpoint.folder() / component, none)) {
      if (!entry.is_regular_file(none)) continue;
      digests[component + "/" + entry.path().filename().string()] = digest_of(entry.path());
    }
  }
  return digests;
}

}  // namespace sora
