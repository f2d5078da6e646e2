// Claims that must be taken in two places.
#pragma once

#include <memory>
#include <string>

#include "sora/claims.h"

namespace sora {

/// A job is ours when `first` and `second` say so; always asked in this order, so that two processes never wait for
/// each other. Destroyed in the opposite order.
class BothClaims : public Claims {
 public:
  BothClaims(std::unique_ptr<Claims> first, std::unique_ptr<Claims> second);

  bool take(const std::string& job, bool wait) override;
  void release(const std::string& job) override;

 private:
  std::unique_ptr<Claims> first_, second_;
};

}  // namespace sora
