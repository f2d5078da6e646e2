#include "support/certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace sora::test {
namespace {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;

void check(bool ok) {
  if (!ok) throw std::runtime_error("libcrypto refuses a test's certificate");
}

Key new_key(const std::string& curve) {
  Key key;
  if (curve == "ED25519")
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  else if (curve.rfind("RSA:", 0) == 0)
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(std::stoi(curve.substr(4)))));
  else
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve.c_str()));
  check(key != nullptr);
  return key;
}

void add(X509* certificate, X509* issuer, int nid, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void add_unknown(X509* certificate, const std::string& oid) {
  if (oid.empty()) return;
  const std::unique_ptr<ASN1_OBJECT, Free<ASN1_OBJECT_free>> object(OBJ_txt2obj(oid.c_str(), 1));
  const std::unique_ptr<ASN1_OCTET_STRING, Free<ASN1_OCTET_STRING_free>> value(ASN1_OCTET_STRING_new());
  const unsigned char null[] = {5, 0};
  check(ASN1_OCTET_STRING_set(value.get(), null, sizeof null) == 1);
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 1, value.get()));
  check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

Certificate make(const CertificateSpec& spec, const std::string& name, EVP_PKEY* key, X509* issuer, EVP_PKEY* by) {
  static long serial = 1;
  Certificate made(X509_new());
  X509* const certificate = made.get();
  X509* const above = issuer == nullptr ? certificate : issuer;
  X509_set_version(certificate, spec.version - 1);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), spec.from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate), spec.to_seconds);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const auto field = [&](const char* which, const std::string& value) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(value.c_str());
    check(X509_NAME_add_entry_by_txt(subject, which, MBSTRING_UTF8, bytes, -1, -1, 0) == 1);
  };
  field("C", "XX");
  field("O", "tests");
  field("CN", name);
  X509_set_issuer_name(certificate, X509_get_subject_name(above));
  X509_set_pubkey(certificate, key);
  if (spec.version == 3) {
    add(certificate, above, NID_basic_constraints, spec.constraints);
    add(certificate, above, NID_key_usage, spec.key_usage);
    add(certificate, above, NID_ext_key_usage, spec.extended_key_usage);
    add(certificate, above, NID_subject_key_identifier, "hash");
    if (spec.authority_key) add(certificate, above, NID_authority_key_identifier, "keyid:always");
    add_unknown(certificate, spec.critical_extension);
  }
  const EVP_MD* const digest = EVP_PKEY_is_a(by, "ED25519") ? nullptr : EVP_get_digestbyname(spec.digest.c_str());
  check(X509_sign(certificate, by, digest) > 0);
  return made;
}

template <class Write>
std::string pem(const Write& write) {
  const std::unique_ptr<BIO, Free<BIO_free_all>> bio(BIO_new(BIO_s_mem()));
  check(write(bio.get()) == 1);
  char* begin = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &begin);
  return {begin, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate) {
  return pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

}  // namespace

TestCertificates make_test_certificates(const CertificateSpec& leaf, const CertificateSpec& ca) {
  const CertificateSpec root{
      .constraints = "critical,CA:TRUE", .key_usage = "critical,keyCertSign,cRLSign", .extended_key_usage = ""};
  const Key root_key = new_key(root.curve), ca_key = new_key(ca.curve), leaf_key = new_key(leaf.curve);
  const Certificate at_root = make(root, "root", root_key.get(), nullptr, root_key.get());
  const Certificate between = make(ca, "CA", ca_key.get(), at_root.get(), root_key.get());
  const Certificate signing = make(leaf, "signer", leaf_key.get(), between.get(), ca_key.get());
  TestCertificates made;
  made.leaf = pem(signing.get());
  made.ca = pem(between.get());
  made.root = pem(at_root.get());
  made.chain = made.leaf + made.ca;
  made.key = pem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, leaf_key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return made;
}

}  // namespace sora::test
