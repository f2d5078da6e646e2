#include "checkpoint/digests.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/interrupt.h"
#include "base/sha256.h"
#include "base/text.h"

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
  std::ifstream stream(file, std::ios::binary);
  Sha256 digest;
  std::vector<char> buffer(1 << 20);
  while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || stream.gcount() > 0) {
    check_interrupted();
    digest.update({buffer.data(), static_cast<std::size_t>(stream.gcount())});
  }
  require(stream.eof(), Fault::input, "{}: cannot be read: {}", printable(file.native(), 300), std::strerror(errno));
  return digest.hex();
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
