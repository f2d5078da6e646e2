// SHA-256, and SHA-1 where git needs it, over bytes that come piece by piece.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace sora {

class Digest {
 public:
  void update(std::string_view bytes);
  /// Of all bytes so far, as lower-case hexadecimal digits. The last call of this object.
  std::string hex();

 protected:
  explicit Digest(const char* algorithm);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

class Sha256 : public Digest {
 public:
  Sha256() : Digest("SHA256") {}
};

/// For names of git blobs alone: SHA-1 says nothing about who made a file.
class Sha1 : public Digest {
 public:
  Sha1() : Digest("SHA1") {}
};

std::string sha256_hex(std::string_view bytes);

}  // namespace sora
