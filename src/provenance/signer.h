// A certificate with its key, checked, and what it signs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct evp_pkey_st;

namespace sora {

/// COSE's algorithms that the C2PA library signs with, in its numbering.
enum class SigningAlgorithm { es256 = 0, es384 = 1, es512 = 2, ps256 = 3, ed25519 = 6 };

class Signer {
 public:
  /// `certificate`: PEM, the signing certificate first, then those that lead to its root, without the root. `key`: PEM
  /// of its private key. Error{input} names the fault of whatever the C2PA library would refuse, or other validators
  /// would: dates, basic constraints, key usage, extended key usage, identifiers, algorithm, a key that belongs to
  /// another certificate, a wrong or missing passphrase.
  Signer(const std::filesystem::path& certificate, const std::filesystem::path& key,
         const std::string& passphrase = {});

  SigningAlgorithm algorithm() const { return algorithm_; }
  /// PEM, as the file has it.
  const std::string& certificates() const { return certificates_; }
  /// The same bytes always have the same signature: of Ed25519 and nothing else.
  bool is_deterministic() const { return algorithm_ == SigningAlgorithm::ed25519; }
  /// As COSE has it: r and s of ECDSA one after the other.
  std::vector<std::uint8_t> sign(std::span<const std::uint8_t> message) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  std::string certificates_;
  std::unique_ptr<evp_pkey_st, Free> key_;
  SigningAlgorithm algorithm_ = SigningAlgorithm::es256;
};

}  // namespace sora
