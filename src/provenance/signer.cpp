// Keys by OpenSSL's libcrypto; nothing else ever holds one.
#include "provenance/signer.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cstring>

#include "base/files.h"
#include "base/text.h"
#include "provenance/check_certificates.h"
#include "provenance/openssl.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr std::int64_t kMostBytes = 1 << 20;

void check(bool ok) { require(ok, Fault::bug, "libcrypto cannot sign: {}", openssl::last_error()); }

struct Passphrase {
  const std::string& text;
  bool asked = false;
};

int give_passphrase(char* into, int room, int /*writing*/, void* data) {
  auto& passphrase = *static_cast<Passphrase*>(data);
  passphrase.asked = true;
  const std::size_t size = passphrase.text.size();
  if (size == 0 || size > static_cast<std::size_t>(room)) return -1;
  std::memcpy(into, passphrase.text.data(), size);
  return static_cast<int>(size);
}

openssl::Key read_key(const std::string& pem, const std::string& file, const std::string& passphrase) {
  Passphrase given{passphrase};
  const openssl::Bio bio = openssl::reading(pem);
  openssl::Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &given));
  ERR_clear_error();
  if (key != nullptr) return key;
  require(!given.asked || !passphrase.empty(), Fault::input,
          "{}: the key is encrypted; give the file of its passphrase with --passphrase-file", file);
  require(!given.asked, Fault::input, "{}: the key cannot be decrypted with this passphrase", file);
  fail(Fault::input, "{}: there is no private key in it that can be read; expected PEM", file);
}

// Others may have reasons of their own (a container's secrets are often so), so this is no error.
void warn_if_open(const std::filesystem::path& key) {
  struct stat info {};
  if (stat(key.c_str(), &info) != 0 || (info.st_mode & 077) == 0) return;
  spdlog::warn("{} may be read by other users (mode {:04o}); chmod 600 keeps it to you", shown(key),
               info.st_mode & 07777);
}

const EVP_MD* digest_of(SigningAlgorithm algorithm) {
  switch (algorithm) {
    case SigningAlgorithm::es256:
    case SigningAlgorithm::ps256:
      return EVP_sha256();
    case SigningAlgorithm::es384:
      return EVP_sha384();
    case SigningAlgorithm::es512:
      return EVP_sha512();
    case SigningAlgorithm::ed25519:
      return nullptr;
  }
  return nullptr;
}

// Bytes of r and of s; 0 for what is not ECDSA.
int ecdsa_half(SigningAlgorithm algorithm) {
  switch (algorithm) {
    case SigningAlgorithm::es256:
      return 32;
    case SigningAlgorithm::es384:
      return 48;
    case SigningAlgorithm::es512:
      return 66;
    case SigningAlgorithm::ps256:
    case SigningAlgorithm::ed25519:
      return 0;
  }
  return 0;
}

std::vector<std::uint8_t> r_and_s(const std::vector<std::uint8_t>& der, int half) {
  const unsigned char* begin = der.data();
  const openssl::Signature signature(d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size())));
  check(signature != nullptr);
  std::vector<std::uint8_t> both(static_cast<std::size_t>(2 * half));
  check(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), both.data(), half) == half &&
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), both.data() + half, half) == half);
  return both;
}

}  // namespace

void Signer::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

Signer::Signer(const std::filesystem::path& certificate, const std::filesystem::path& key,
               const std::string& passphrase)
    : certificates_(read_file(certificate, kMostBytes, Fault::input)) {
  const std::string key_file = shown(key);
  key_.reset(read_key(read_file(key, kMostBytes, Fault::input), key_file, passphrase).release());
  warn_if_open(key);
  algorithm_ = check_certificates(certificates_, shown(certificate), key_.get(), key_file);
}

std::vector<std::uint8_t> Signer::sign(std::span<const std::uint8_t> message) const {
  const openssl::DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // the context's
  check(context != nullptr &&
        EVP_DigestSignInit(context.get(), &options, digest_of(algorithm_), nullptr, key_.get()) == 1);
  if (algorithm_ == SigningAlgorithm::ps256) {
    check(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
          EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  std::size_t size = 0;
  check(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  std::vector<std::uint8_t> signature(size);
  check(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  signature.resize(size);
  const int half = ecdsa_half(algorithm_);
  return half == 0 ? signature : r_and_s(signature, half);
}

}  // namespace sora
