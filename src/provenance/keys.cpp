#include "provenance/keys.h"

#include <fcntl.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <span>

#include "base/files.h"
#include "base/text.h"
#include "base/user_folders.h"
#include "provenance/make_certificates.h"
#include "sora/error.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostPemBytes = 1 << 20;

[[noreturn]] void fail_output(const fs::path& path, const char* what) {
  fail(Fault::output, "{}: {}: {}", shown(path), what, std::strerror(errno));
}

void sync(const fs::path& path) {
  const Descriptor opened(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  // EINVAL: this file system's folders need no fsync.
  if (opened.get() < 0 || (fsync(opened.get()) != 0 && errno != EINVAL))
    fail_output(path, "cannot be brought to the disk");
}

void write_private(const fs::path& path, std::string_view bytes) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0 || fchmod(file.get(), 0600) != 0) fail_output(path, "cannot be created");
  while (!bytes.empty()) {
    const ssize_t n = write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_output(path, "cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  if (fsync(file.get()) != 0) fail_output(path, "cannot be brought to the disk");
}

SecretKey random_key() {
  SecretKey key;
  require(RAND_bytes(key.data(), static_cast<int>(key.size())) == 1, Fault::bug, "libcrypto has no random numbers");
  return key;
}

std::string_view bytes_of(const SecretKey& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

/// A set that is being made beside the folder that it is for; deleted with what is in it unless it was moved there.
class NewSet {
 public:
  explicit NewSet(const fs::path& folder) {
    std::error_code problem;
    fs::create_directories(folder.parent_path(), problem);
    require(!problem, Fault::output, "{}: the folder cannot be created: {}", shown(folder.parent_path()),
            problem.message());
    std::string name = folder.native() + ".new-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) fail_output(folder, "cannot be created");
    files_.folder = name;
  }
  NewSet(const NewSet&) = delete;
  NewSet& operator=(const NewSet&) = delete;
  ~NewSet() {
    std::error_code ignored;
    if (!moved_) fs::remove_all(files_.folder, ignored);
  }

  void write(const MadeCertificates& made, const std::string& more_roots, const SecretKey& watermark,
             const SecretKey& audit) const {
    write_private(files_.root(), made.root + more_roots);
    write_private(files_.certificate(), made.chain);
    write_private(files_.key(), made.key);
    write_private(files_.watermark_key(), bytes_of(watermark));
    write_private(files_.audit_key(), bytes_of(audit));
    sync(files_.folder);
  }

  /// False if a set is there already. rename() replaces an empty folder, and no other.
  bool move_to(const fs::path& folder) {
    if (rename(files_.folder.c_str(), folder.c_str()) != 0) {
      if (errno == EEXIST || errno == ENOTEMPTY) return false;
      fail_output(folder, "cannot be created");
    }
    moved_ = true;
    sync(folder.parent_path());
    return true;
  }

  /// In one step.
  void exchange_with(const fs::path& folder) const {
    if (renameat2(AT_FDCWD, files_.folder.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) != 0)
      fail_output(folder, "cannot be replaced");
  }
  const fs::path& folder() const { return files_.folder; }
  void keep() { moved_ = true; }

 private:
  KeyFiles files_;
  bool moved_ = false;
};

std::optional<KeyFiles> try_to_make(const fs::path& folder, const KeyOptions& options) {
  const MadeCertificates made = make_certificates(options);
  NewSet set(folder);
  set.write(made, "", random_key(), random_key());
  if (!set.move_to(folder)) return std::nullopt;
  return KeyFiles{folder};
}

void require_whole(const KeyFiles& files) {
  for (const fs::path& file :
       {files.root(), files.certificate(), files.key(), files.watermark_key(), files.audit_key()}) {
    std::error_code problem;
    require(fs::exists(file, problem), Fault::input,
            "{}: is missing; bring it back, or move the folder away and a new set of keys is made", shown(file));
  }
}

// With a name and a folder above it.
fs::path whole(const fs::path& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

// A name of its own beside the folder.
fs::path retired_name(const fs::path& folder) {
  const std::time_t now = std::time(nullptr);
  std::tm date{};
  gmtime_r(&now, &date);
  const std::string name =
      fmt::format("{}.retired-{:04}{:02}{:02}T{:02}{:02}{:02}Z", folder.native(), date.tm_year + 1900, date.tm_mon + 1,
                  date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec);
  fs::path free = name;
  for (int i = 2; fs::exists(free); ++i) free = fmt::format("{}-{}", name, i);
  return free;
}

constexpr int kPayloadDigits = 12;  // of 4 bits

}  // namespace

fs::path keys_folder() { return user_data_folder() / "keys"; }

bool KeyFiles::exist() const {
  std::error_code problem;
  return fs::exists(folder, problem) && !(fs::is_empty(folder, problem) && !problem);
}

KeyFiles make_keys(const fs::path& where, const KeyOptions& options) {
  const fs::path folder = whole(where);
  const std::optional<KeyFiles> made = KeyFiles{folder}.exist() ? std::nullopt : try_to_make(folder, options);
  require(made.has_value(), Fault::output, "{}: there are keys already; --renew makes new ones and puts these aside",
          shown(folder));
  return *made;
}

RenewedKeys renew_keys(const fs::path& where, const KeyOptions& options) {
  const fs::path folder = whole(where);
  const KeyFiles files{folder};
  require(files.exist(), Fault::input, "{}: there are no keys that could be renewed", shown(folder));
  require_whole(files);
  NewSet set(folder);
  set.write(make_certificates(options), read_file(files.root(), kMostPemBytes, Fault::input),
            read_secret_key(files.watermark_key()), read_secret_key(files.audit_key()));
  set.exchange_with(folder);
  set.keep();  // the old one now, under the temporary name
  const fs::path retired = retired_name(folder);
  if (rename(set.folder().c_str(), retired.c_str()) != 0) fail_output(set.folder(), "cannot be renamed");
  sync(folder.parent_path());
  return {files, retired};
}

EnsuredKeys ensure_keys(const fs::path& where) {
  const fs::path folder = whole(where);
  KeyFiles files{folder};
  if (!files.exist() && try_to_make(folder, {})) return {files, true};
  require_whole(files);
  return {files, false};
}

std::string created_text(const EnsuredKeys& keys) {
  return fmt::format("made the keys that this installation signs and marks its videos with: {}",
                     shown(keys.files.folder));
}

SecretKey read_secret_key(const fs::path& file) {
  const std::string bytes = read_file(file, 4096, Fault::input);
  SecretKey key;
  require(bytes.size() == key.size(), Fault::input, "{}: has {} bytes, a key has {}", shown(file), bytes.size(),
          key.size());
  std::memcpy(key.data(), bytes.data(), key.size());
  return key;
}

std::string keyed_digest(const SecretKey& key, std::string_view purpose, std::string_view message) {
  // The zero byte ends the purpose, so that no two pairs make the same text.
  const std::string text = std::string(purpose) + '\0' + std::string(message);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const bool made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), digest.data(), &size) != nullptr;
  require(made, Fault::bug, "libcrypto cannot compute an HMAC");
  std::string hex;
  for (const unsigned char byte : std::span(digest.data(), size)) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string prompt_hmac(const SecretKey& audit_key, std::string_view prompt) {
  return keyed_digest(audit_key, "prompt", prompt);
}

std::uint64_t watermark_payload(const SecretKey& watermark_key, std::string_view job) {
  const std::string digits = keyed_digest(watermark_key, "payload", job).substr(0, kPayloadDigits);
  std::uint64_t payload = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), payload, 16);
  return payload;
}

std::string watermark_key_id(const SecretKey& watermark_key) {
  return keyed_digest(watermark_key, "key", "").substr(0, 16);
}

std::string watermark_payload_digest(const SecretKey& watermark_key, std::uint64_t payload) {
  return keyed_digest(watermark_key, "payload digest", fmt::format("{:012x}", payload));
}

}  // namespace sora
