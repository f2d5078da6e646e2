// Every fault of a certificate that the C2PA library refuses, by its name and before anything is signed.
#include "support/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "provenance/check_certificates.h"
#include "provenance/signer.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

using test::CertificateSpec;
using test::TestCertificates;

class Certificates : public testing::Test {
 protected:
  Signer signer(const std::string& chain, const std::string& key) {
    test::write_file(folder_ / "c.pem", chain);
    test::write_file(folder_ / "k.pem", key);
    std::filesystem::permissions(folder_ / "k.pem", std::filesystem::perms::owner_read);
    return {folder_ / "c.pem", folder_ / "k.pem"};
  }
  // Of the message, what comes after the files' folder.
  std::string fault(const std::string& chain, const std::string& key) {
    std::filesystem::remove(folder_ / "k.pem");
    std::string text = test::error_of(Fault::input, [&] { signer(chain, key); });
    const std::string folder = folder_.path().string() + "/";
    for (std::size_t at = 0; (at = text.find(folder)) != std::string::npos;) text.erase(at, folder.size());
    return text;
  }
  std::string fault(const TestCertificates& made) { return fault(made.chain, made.key); }
  std::string fault(const CertificateSpec& spec) { return fault(test::make_test_certificates(spec)); }

  test::TempDir folder_;
};

TEST_F(Certificates, AreTakenAsTheyShouldBe) {
  const auto algorithm = [&](const CertificateSpec& spec) {
    std::filesystem::remove(folder_ / "k.pem");
    const TestCertificates made = test::make_test_certificates(spec);
    return signer(made.chain, made.key).algorithm();
  };
  EXPECT_EQ(algorithm({}), SigningAlgorithm::es256);
  EXPECT_EQ(algorithm({.curve = "P-384"}), SigningAlgorithm::es384);
  EXPECT_EQ(algorithm({.curve = "P-521"}), SigningAlgorithm::es512);
  EXPECT_EQ(algorithm({.curve = "ED25519"}), SigningAlgorithm::ed25519);
  EXPECT_EQ(algorithm({.curve = "RSA:2048"}), SigningAlgorithm::ps256);
  EXPECT_EQ(algorithm({.key_usage = "nonRepudiation"}), SigningAlgorithm::es256);
  EXPECT_EQ(algorithm({.extended_key_usage = "emailProtection,1.3.6.1.4.1.62558.2.1"}), SigningAlgorithm::es256);
}

TEST_F(Certificates, WithoutTheRightUsesAreRefused) {
  const std::string wanted = "it must have emailProtection, which is what C2PA's validators look for";
  EXPECT_EQ(fault({.extended_key_usage = ""}),
            "c.pem: the signing certificate has no extended key usage (EKU); " + wanted);
  for (const char* other : {"serverAuth", "1.3.6.1.4.1.62558.2.1", "1.3.6.1.5.5.7.3.36"}) {
    EXPECT_EQ(fault({.extended_key_usage = other}),
              "c.pem: the signing certificate has an extended key usage (EKU) without emailProtection; " + wanted);
  }
  for (const char* forbidden : {"anyExtendedKeyUsage", "emailProtection,timeStamping", "emailProtection,OCSPSigning"}) {
    EXPECT_EQ(
        fault({.extended_key_usage = forbidden}),
        "c.pem: the signing certificate has an extended key usage (EKU) that a signing certificate must not have: "
        "any, timeStamping or OCSPSigning");
  }
  EXPECT_EQ(fault({.key_usage = ""}),
            "c.pem: the signing certificate has no key usage (KeyUsage); it must have digitalSignature");
  EXPECT_EQ(fault({.key_usage = "critical,keyEncipherment"}),
            "c.pem: the signing certificate has a key usage (KeyUsage) without digitalSignature");
}

TEST_F(Certificates, OfAuthoritiesAndWithOddExtensionsAreRefused) {
  EXPECT_EQ(fault({.constraints = "critical,CA:TRUE"}),
            "c.pem: the signing certificate is a certificate authority's (basicConstraints has CA:TRUE); the file must "
            "begin with the certificate that belongs to the key");
  EXPECT_EQ(fault({.authority_key = false}), "c.pem: the signing certificate has no authority key identifier (AKI)");
  EXPECT_EQ(fault({.critical_extension = "1.2.3.4.5"}),
            "c.pem: the signing certificate has a critical extension that nobody here knows");
  EXPECT_EQ(fault({.version = 1}), "c.pem: the signing certificate is not of version 3 of X.509");
}

TEST_F(Certificates, OutsideTheirDatesAreRefused) {
  EXPECT_THAT(fault({.to_seconds = -60}),
              testing::MatchesRegex("c\\.pem: the signing certificate has expired: it was valid until "
                                    "....-..-.. ..:.. UTC"));
  EXPECT_THAT(fault({.from_seconds = 600}),
              testing::MatchesRegex("c\\.pem: the signing certificate is not valid before ....-..-.. ..:.. UTC"));
  CertificateSpec ca{.constraints = "critical,CA:TRUE", .key_usage = "keyCertSign", .extended_key_usage = ""};
  ca.to_seconds = -60;
  EXPECT_THAT(fault(test::make_test_certificates({}, ca)),
              testing::StartsWith("c.pem: certificate 2 has expired: it was valid until "));
}

TEST_F(Certificates, WithWeakOrUnknownAlgorithmsAreRefused) {
  const std::string expected = "; expected P-256, P-384, P-521, Ed25519 or RSA of 2048 to 8192 bits";
  EXPECT_EQ(fault({.curve = "RSA:1024"}), "c.pem: the signing certificate has an RSA key of 1024 bits" + expected);
  EXPECT_EQ(fault({.curve = "secp256k1"}),
            "c.pem: the signing certificate has a key on the curve secp256k1" + expected);
  EXPECT_EQ(
      fault({.digest = "SHA1"}),
      "c.pem: the signing certificate is signed by ecdsa-with-SHA1; expected RSA or ECDSA with SHA-256 or more, or "
      "Ed25519");
}

TEST_F(Certificates, MustFollowTheirIssuersAndFitTheKey) {
  const TestCertificates made = test::make_test_certificates({}), other = test::make_test_certificates({});
  EXPECT_EQ(fault(made.chain, other.key), "k.pem: the key does not belong to the certificate in c.pem");
  EXPECT_EQ(fault(made.leaf + other.ca, made.key),
            "c.pem: certificate 2 did not issue the one before it; each must be followed by its issuer's");
  EXPECT_EQ(fault(made.leaf + made.root, made.key),
            "c.pem: certificate 2 did not issue the one before it; each must be followed by its issuer's");
  EXPECT_EQ(fault(made.chain + made.root, made.key), "nothing was thrown");
  EXPECT_EQ(fault(test::make_test_certificates({}, {.extended_key_usage = ""})),
            "c.pem: certificate 2 is no authority's (basicConstraints lacks CA:TRUE)");
  EXPECT_EQ(fault(test::make_test_certificates({}, {.constraints = "CA:TRUE", .extended_key_usage = ""})),
            "c.pem: certificate 2 has a key usage (KeyUsage) without keyCertSign");
}

TEST_F(Certificates, MustBeThere) {
  const TestCertificates made = test::make_test_certificates({});
  EXPECT_EQ(fault("", made.key), "c.pem: there is no certificate in it; expected PEM");
  EXPECT_EQ(fault(made.key, made.key), "c.pem: there is no certificate in it; expected PEM");
  std::string damaged = made.chain;
  damaged[made.leaf.size() + 60] = '!';
  EXPECT_EQ(fault(damaged, made.key), "c.pem: certificate 2 cannot be read; expected PEM");
  EXPECT_EQ(fault(made.chain, made.chain), "k.pem: there is no private key in it that can be read; expected PEM");
  EXPECT_EQ(test::error_of(Fault::input, [&] { Signer("/nonexistent/c.pem", "/nonexistent/k.pem"); }),
            "/nonexistent/c.pem: cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace sora
