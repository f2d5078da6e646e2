// Certificates with any fault that a test wants.
#pragma once

#include <filesystem>
#include <string>

namespace sora::test {

struct CertificateSpec {
  std::string curve = "P-256";    ///< or "ED25519", or "RSA:2048"
  std::string digest = "SHA256";  ///< of the signature on it; empty for Ed25519
  std::string constraints =
      "critical,CA:FALSE";  ///< as OpenSSL's configuration files have it; empty: the extension is missing
  std::string key_usage = "critical,digitalSignature";
  std::string extended_key_usage = "emailProtection";
  std::string critical_extension = {};  ///< an OID
  bool authority_key = true;
  int version = 3;
  long from_seconds = -3600, to_seconds = 3600;  ///< from now
};

/// PEM. The chain is the signing certificate and its CA's.
struct TestCertificates {
  std::string chain, leaf, ca, root, key;
};
TestCertificates make_test_certificates(const CertificateSpec& leaf,
                                        const CertificateSpec& ca = {.constraints = "critical,CA:TRUE,pathlen:0",
                                                                     .key_usage = "critical,keyCertSign,cRLSign",
                                                                     .extended_key_usage = ""});

}  // namespace sora::test
