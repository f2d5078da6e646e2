// Digests by OpenSSL's libcrypto, which has them in the instructions of the CPU at hand.
#include "base/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "sora/error.h"

namespace sora {
namespace {

void check(int result) { require(result == 1, Fault::bug, "libcrypto cannot compute a digest"); }

}  // namespace

Digest::Digest(const char* algorithm) : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr, Fault::memory, "out of memory for a digest");
  check(EVP_DigestInit_ex(context_.get(), EVP_get_digestbyname(algorithm), nullptr));
}

void Digest::update(std::string_view bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(context_.get(), digest.data(), &size));
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

std::string sha256_hex(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

}  // namespace sora
