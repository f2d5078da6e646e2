// The keys of this installation: those it signs with, the watermark's, and the audit log's. A folder of the user's own,
// 0700, with files 0600:
//
//   root.pem         certificates whose signatures this installation trusts; its own first
//   certificate.pem  the signing certificate and the issuing CA's
//   key.pem          the signing certificate's key, PKCS#8, encrypted where that was asked for
//   watermark.key    32 random bytes
//   audit.key        32 random bytes
//
// The keys of root and issuing CA are forgotten as soon as they have signed.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace sora {

/// `keys` in the user's data folder (base/user_folders.h).
std::filesystem::path keys_folder();

/// By COSE's names: ECDSA on P-256 and P-384, and Ed25519.
enum class KeyAlgorithm { es256, es384, ed25519 };

struct KeyOptions {
  KeyAlgorithm algorithm = KeyAlgorithm::es256;
  std::string name = "sora-gen";  ///< the owner that the certificates name; at most 64 characters
  int years = 10;                 ///< that the certificates hold
  std::string passphrase = {};    ///< encrypts key.pem; empty: it is not encrypted
};

using SecretKey = std::array<std::uint8_t, 32>;

/// Where the files of a set are. Nothing has been read yet.
struct KeyFiles {
  std::filesystem::path folder;
  std::filesystem::path root() const { return folder / "root.pem"; }
  std::filesystem::path certificate() const { return folder / "certificate.pem"; }
  std::filesystem::path key() const { return folder / "key.pem"; }
  std::filesystem::path watermark_key() const { return folder / "watermark.key"; }
  std::filesystem::path audit_key() const { return folder / "audit.key"; }
  /// Whether there is a set at all.
  bool exist() const;
};

/// Makes a set in `folder`. Other processes see all of it or nothing. Error{output} if there is one already.
KeyFiles make_keys(const std::filesystem::path& folder, const KeyOptions& options);

struct RenewedKeys {
  KeyFiles files;
  std::filesystem::path retired;  ///< where the old set lies now
};
/// A new signing set in place of the one in `folder`. The keys of watermark and audit log stay, and root.pem goes on to
/// name the old roots after the new one, so that what was made before is still recognised.
RenewedKeys renew_keys(const std::filesystem::path& folder, const KeyOptions& options);

struct EnsuredKeys {
  KeyFiles files;
  bool created = false;  ///< by this call; the caller says so to the user
};
/// The set in `folder`, made now where there is none. Of several processes that make the first one at once, all end
/// with the same. Error{input} where a file of it is missing.
EnsuredKeys ensure_keys(const std::filesystem::path& folder = keys_folder());

/// A file of 32 bytes. Error{input} naming it.
SecretKey read_secret_key(const std::filesystem::path& file);

/// HMAC-SHA256 in hexadecimal digits. `purpose` keeps uses of one key apart.
std::string keyed_digest(const SecretKey& key, std::string_view purpose, std::string_view message);

/// How logs and manifests name a prompt without telling it; the same prompt has the same one on one installation.
std::string prompt_hmac(const SecretKey& audit_key, std::string_view prompt);

/// The 48 bits that the watermark of a job carries.
std::uint64_t watermark_payload(const SecretKey& watermark_key, std::string_view job);
/// 16 hexadecimal digits that name the watermark key without telling it.
std::string watermark_key_id(const SecretKey& watermark_key);
/// What a manifest says of the payload: only who has the key can compare it with a payload.
std::string watermark_payload_digest(const SecretKey& watermark_key, std::uint64_t payload);

}  // namespace sora
