// Root → issuing CA → signing certificate, as C2PA's certificate profile wants them. The CAs' keys end with the
// function.
#include "provenance/make_certificates.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>

#include "base/text.h"
#include "provenance/openssl.h"
#include "sora/error.h"

namespace sora {
namespace {

using openssl::Certificate, openssl::Key;

// scrypt's cost: 16 MiB and some 50 ms a guess, the most that OpenSSL's readers take without being told.
constexpr int kScryptN = 1 << 14, kScryptR = 8, kScryptP = 1;

void check(bool ok, const char* what) {
  require(ok, Fault::bug, "libcrypto cannot make {}: {}", what, openssl::last_error());
}

Key new_key(KeyAlgorithm algorithm) {
  Key key;
  switch (algorithm) {
    case KeyAlgorithm::es256:
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
      break;
    case KeyAlgorithm::es384:
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
      break;
    case KeyAlgorithm::ed25519:
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
      break;
  }
  check(key != nullptr, "a key");
  return key;
}

// Ed25519 has its digest built in.
const EVP_MD* digest_of(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::es256:
      return EVP_sha256();
    case KeyAlgorithm::es384:
      return EVP_sha384();
    case KeyAlgorithm::ed25519:
      return nullptr;
  }
  return nullptr;
}

struct Profile {
  std::string common_name;
  const char* constraints;
  const char* usage;
  const char* extended_usage;  // nullptr for a CA
};

struct Issuer {
  X509* certificate;
  EVP_PKEY* key;
};

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const openssl::Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "a certificate's extension");
}

void set_serial(X509* certificate) {
  unsigned char bytes[16];
  check(RAND_bytes(bytes, sizeof bytes) == 1, "a random number");
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x3f) | 0x40);  // positive, and always of 16 bytes
  const openssl::Number number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  check(number != nullptr && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
        "a serial number");
}

void set_subject(X509* certificate, const std::string& owner, const std::string& common_name) {
  X509_NAME* const name = X509_get_subject_name(certificate);
  const auto add = [&](const char* field, const std::string& value) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
    const int size = static_cast<int>(value.size());
    check(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, bytes, size, -1, 0) == 1, "a certificate's subject");
  };
  add("C", "XX");  // ISO 3166: no country
  add("O", owner);
  add("CN", common_name);
}

void set_dates(X509* certificate, int years) {
  constexpr long kClockSkew = 60;
  const int days = years * 365 + years / 4;
  check(X509_gmtime_adj(X509_getm_notBefore(certificate), -kClockSkew) != nullptr &&
            X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, nullptr) != nullptr,
        "a certificate's dates");
}

// Without an issuer it signs itself.
Certificate make_certificate(const KeyOptions& options, const Profile& profile, EVP_PKEY* key,
                             const Issuer* issuer = nullptr) {
  Certificate made(X509_new());
  X509* const certificate = made.get();
  check(certificate != nullptr && X509_set_version(certificate, X509_VERSION_3) == 1, "a certificate");
  const Issuer signer = issuer == nullptr ? Issuer{certificate, key} : *issuer;
  set_serial(certificate);
  set_subject(certificate, options.name, profile.common_name);
  set_dates(certificate, options.years);
  check(X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate)) == 1 &&
            X509_set_pubkey(certificate, key) == 1,
        "a certificate");
  add_extension(certificate, signer.certificate, NID_basic_constraints, profile.constraints);
  add_extension(certificate, signer.certificate, NID_key_usage, profile.usage);
  if (profile.extended_usage != nullptr)
    add_extension(certificate, signer.certificate, NID_ext_key_usage, profile.extended_usage);
  add_extension(certificate, signer.certificate, NID_subject_key_identifier, "hash");
  add_extension(certificate, signer.certificate, NID_authority_key_identifier, "keyid:always");
  check(X509_sign(certificate, signer.key, digest_of(options.algorithm)) > 0, "a certificate's signature");
  return made;
}

std::string pem_of(X509* certificate) {
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  check(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1, "a certificate's text");
  return openssl::text_of(bio.get());
}

// PKCS#8. OpenSSL's own way from passphrase to key, 2048 rounds of PBKDF2, is soon guessed: here it is scrypt.
std::string pem_of(EVP_PKEY* key, const std::string& passphrase) {
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  check(bio != nullptr, "a key's text");
  if (passphrase.empty()) {
    check(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "a key's text");
    return openssl::text_of(bio.get());
  }
  using Plain = std::unique_ptr<PKCS8_PRIV_KEY_INFO, openssl::Free<PKCS8_PRIV_KEY_INFO_free>>;
  using Encrypted = std::unique_ptr<X509_SIG, openssl::Free<X509_SIG_free>>;
  using Method = std::unique_ptr<X509_ALGOR, openssl::Free<X509_ALGOR_free>>;
  const Plain plain(EVP_PKEY2PKCS8(key));
  Method method(PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, kScryptN, kScryptR, kScryptP));
  check(plain != nullptr && method != nullptr, "a key's encryption");
  const Encrypted encrypted(
      PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), plain.get(), method.get()));
  check(encrypted != nullptr, "a key's encryption");
  static_cast<void>(method.release());  // part of `encrypted` now
  check(PEM_write_bio_PKCS8(bio.get(), encrypted.get()) == 1, "a key's text");
  return openssl::text_of(bio.get());
}

// Tells the sets of several installations and years apart.
std::string random_tag() {
  unsigned char bytes[3];
  check(RAND_bytes(bytes, sizeof bytes) == 1, "a random number");
  return fmt::format("{:02x}{:02x}{:02x}", bytes[0], bytes[1], bytes[2]);
}

void check_options(const KeyOptions& options) {
  constexpr std::size_t kMostLetters = 64;  // RFC 5280, ub-organization-name
  std::size_t letters = 0;
  for (std::string_view rest = options.name; !rest.empty(); ++letters) {
    const auto letter = decode_utf8(rest);
    require(letter.has_value() && letter->value >= U' ' && letter->value != 0x7f, Fault::usage,
            "the owner's name {} is not plain UTF-8 text", printable(options.name));
    rest.remove_prefix(letter->bytes);
  }
  require(letters >= 1 && letters <= kMostLetters, Fault::usage, "the owner's name has {} characters, expected 1 to {}",
          letters, kMostLetters);
  constexpr int kMostYears = 100;
  require(options.years >= 1 && options.years <= kMostYears, Fault::usage,
          "the certificates cannot hold for {} years, expected 1 to {}", options.years, kMostYears);
}

}  // namespace

MadeCertificates make_certificates(const KeyOptions& options) {
  check_options(options);
  const std::string tag = random_tag();
  constexpr const char* kCaUsage = "critical,keyCertSign,cRLSign";
  // The second is c2pa-kp-claimSigning; validators before it want the first.
  constexpr const char* kClaimSigning = "emailProtection,1.3.6.1.4.1.62558.2.1";
  const Key root_key = new_key(options.algorithm), ca_key = new_key(options.algorithm);
  const Key leaf_key = new_key(options.algorithm);
  const Certificate root =
      make_certificate(options, {"sora-gen root " + tag, "critical,CA:TRUE", kCaUsage, nullptr}, root_key.get());
  const Issuer by_root{root.get(), root_key.get()};
  const Certificate ca = make_certificate(
      options, {"sora-gen issuing CA " + tag, "critical,CA:TRUE,pathlen:0", kCaUsage, nullptr}, ca_key.get(), &by_root);
  const Issuer by_ca{ca.get(), ca_key.get()};
  const Certificate leaf = make_certificate(
      options, {"sora-gen claim signer " + tag, "critical,CA:FALSE", "critical,digitalSignature", kClaimSigning},
      leaf_key.get(), &by_ca);
  return {pem_of(root.get()), pem_of(leaf.get()) + pem_of(ca.get()), pem_of(leaf_key.get(), options.passphrase)};
}

}  // namespace sora
