// C2PA's certificate profile (specification 2.x, "X.509 certificates"), as far as validators hold to it.
#include "provenance/check_certificates.h"

#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "provenance/openssl.h"
#include "sora/error.h"

namespace sora {
namespace {

using openssl::Certificate;

/// A certificate and how messages call it.
struct Named {
  X509* certificate;
  std::string name;
};

template <class... Args>
void require_of(bool ok, const Named& named, fmt::format_string<Args...> text, Args&&... args) {
  if (!ok) fail(Fault::input, "{} {}", named.name, fmt::format(text, std::forward<Args>(args)...));
}

std::vector<Certificate> read_chain(std::string_view pem, const std::string& file) {
  const openssl::Bio bio = openssl::reading(pem);
  std::vector<Certificate> chain;
  ERR_clear_error();
  while (Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    chain.push_back(std::move(certificate));
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  require(ended, Fault::input, "{}: certificate {} cannot be read; expected PEM", file, chain.size() + 1);
  require(!chain.empty(), Fault::input, "{}: there is no certificate in it; expected PEM", file);
  return chain;
}

std::string date_of(const ASN1_TIME* time) {
  std::tm date{};
  if (ASN1_TIME_to_tm(time, &date) != 1) return "an unreadable date";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday,
                     date.tm_hour, date.tm_min);
}

void check_dates(const Named& named) {
  const ASN1_TIME* const from = X509_get0_notBefore(named.certificate);
  const ASN1_TIME* const to = X509_get0_notAfter(named.certificate);
  require_of(X509_cmp_current_time(from) < 0, named, "is not valid before {}", date_of(from));
  require_of(X509_cmp_current_time(to) > 0, named, "has expired: it was valid until {}", date_of(to));
}

void check_key_usage(const Named& named) {
  const std::uint32_t usage = X509_get_key_usage(named.certificate);
  require_of(usage != UINT32_MAX, named, "has no key usage (KeyUsage); it must have digitalSignature");
  require_of((usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0, named,
             "has a key usage (KeyUsage) without digitalSignature");
}

bool is_any_of(const ASN1_OBJECT* object, std::initializer_list<int> nids) {
  return std::find(nids.begin(), nids.end(), OBJ_obj2nid(object)) != nids.end();
}

void check_extended_key_usage(const Named& named) {
  using Usages = std::unique_ptr<EXTENDED_KEY_USAGE, openssl::Free<EXTENDED_KEY_USAGE_free>>;
  const Usages usages(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(named.certificate, NID_ext_key_usage, nullptr, nullptr)));
  constexpr const char* kWanted = "it must have emailProtection, which is what C2PA's validators look for";
  require_of(usages != nullptr, named, "has no extended key usage (EKU); {}", kWanted);
  bool for_email = false, forbidden = false;
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    const ASN1_OBJECT* const usage = sk_ASN1_OBJECT_value(usages.get(), i);
    for_email = for_email || is_any_of(usage, {NID_email_protect});
    forbidden = forbidden || is_any_of(usage, {NID_anyExtendedKeyUsage, NID_time_stamp, NID_OCSP_sign});
  }
  require_of(!forbidden, named,
             "has an extended key usage (EKU) that a signing certificate must not have: any, timeStamping or "
             "OCSPSigning");
  require_of(for_email, named, "has an extended key usage (EKU) without emailProtection; {}", kWanted);
}

void check_signature_algorithm(const Named& named) {
  constexpr std::array kAllowed{NID_sha256WithRSAEncryption,
                                NID_sha384WithRSAEncryption,
                                NID_sha512WithRSAEncryption,
                                NID_ecdsa_with_SHA256,
                                NID_ecdsa_with_SHA384,
                                NID_ecdsa_with_SHA512,
                                NID_rsassaPss,
                                NID_ED25519};
  const int nid = X509_get_signature_nid(named.certificate);
  const char* const name = OBJ_nid2ln(nid);
  require_of(std::find(kAllowed.begin(), kAllowed.end(), nid) != kAllowed.end(), named,
             "is signed by {}; expected RSA or ECDSA with SHA-256 or more, or Ed25519",
             name == nullptr ? "an unknown algorithm" : name);
}

void check_extensions(const Named& named) {
  const std::uint32_t flags = X509_get_extension_flags(named.certificate);
  require_of((flags & EXFLAG_INVALID) == 0, named, "has an extension that cannot be read");
  require_of((flags & EXFLAG_CRITICAL) == 0, named, "has a critical extension that nobody here knows");
  require_of(X509_get_ext_by_NID(named.certificate, NID_authority_key_identifier, -1) >= 0, named,
             "has no authority key identifier (AKI)");
}

SigningAlgorithm algorithm_of(const Named& named) {
  const EVP_PKEY* const key = X509_get0_pubkey(named.certificate);
  require_of(key != nullptr, named, "has a public key that cannot be read");
  constexpr const char* kExpected = "expected P-256, P-384, P-521, Ed25519 or RSA of 2048 to 8192 bits";
  if (EVP_PKEY_is_a(key, "ED25519")) return SigningAlgorithm::ed25519;
  if (EVP_PKEY_is_a(key, "RSA")) {
    const int bits = EVP_PKEY_get_bits(key);
    require_of(bits >= 2048 && bits <= 8192, named, "has an RSA key of {} bits; {}", bits, kExpected);
    return SigningAlgorithm::ps256;
  }
  char curve[64] = "";
  if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, curve, sizeof curve, nullptr) == 1) {
    const std::string_view name = curve;
    if (name == SN_X9_62_prime256v1) return SigningAlgorithm::es256;
    if (name == SN_secp384r1) return SigningAlgorithm::es384;
    if (name == SN_secp521r1) return SigningAlgorithm::es512;
    require_of(false, named, "has a key on the curve {}; {}", printable(name), kExpected);
  }
  const char* const kind = EVP_PKEY_get0_type_name(key);
  fail(Fault::input, "{} has a key of kind {}; {}", named.name, kind == nullptr ? "unknown" : kind, kExpected);
}

SigningAlgorithm check_signing_certificate(const Named& named) {
  require_of(X509_get_version(named.certificate) == X509_VERSION_3, named, "is not of version 3 of X.509");
  check_dates(named);
  require_of((X509_get_extension_flags(named.certificate) & EXFLAG_CA) == 0, named,
             "is a certificate authority's (basicConstraints has CA:TRUE); the file must begin with the certificate "
             "that belongs to the key");
  check_key_usage(named);
  check_extended_key_usage(named);
  check_extensions(named);
  check_signature_algorithm(named);
  return algorithm_of(named);
}

void check_issuer(const Named& issued, const Named& issuer) {
  check_dates(issuer);
  require_of((X509_get_extension_flags(issuer.certificate) & EXFLAG_CA) != 0, issuer,
             "is no authority's (basicConstraints lacks CA:TRUE)");
  require_of((X509_get_key_usage(issuer.certificate) & KU_KEY_CERT_SIGN) != 0, issuer,
             "has a key usage (KeyUsage) without keyCertSign");
  const bool issued_by = X509_check_issued(issuer.certificate, issued.certificate) == X509_V_OK &&
                         X509_verify(issued.certificate, X509_get0_pubkey(issuer.certificate)) == 1;
  ERR_clear_error();
  require_of(issued_by, issuer, "did not issue the one before it; each must be followed by its issuer's");
  check_signature_algorithm(issuer);
}

}  // namespace

SigningAlgorithm check_certificates(std::string_view pem, const std::string& file, evp_pkey_st* key,
                                    const std::string& key_file) {
  const std::vector<Certificate> chain = read_chain(pem, file);
  const auto named = [&](std::size_t i) {
    return Named{chain[i].get(),
                 i == 0 ? file + ": the signing certificate" : fmt::format("{}: certificate {}", file, i + 1)};
  };
  const SigningAlgorithm algorithm = check_signing_certificate(named(0));
  for (std::size_t i = 1; i < chain.size(); ++i) check_issuer(named(i - 1), named(i));
  const bool fits = X509_check_private_key(chain.front().get(), key) == 1;
  ERR_clear_error();
  require(fits, Fault::input, "{}: the key does not belong to the certificate in {}", key_file, file);
  return algorithm;
}

void require_certificates(std::string_view pem, const std::string& file) { read_chain(pem, file); }

}  // namespace sora
