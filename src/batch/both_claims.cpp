// Claims that must be taken in two places.
#include "batch/both_claims.h"

#include <utility>

namespace sora {

BothClaims::BothClaims(std::unique_ptr<Claims> first, std::unique_ptr<Claims> second)
    : first_(std::move(first)), second_(std::move(second)) {}

bool BothClaims::take(const std::string& job, bool wait) {
  if (!first_->take(job, wait)) return false;
  try {
    if (second_->take(job, wait)) return true;
  } catch (...) {
    first_->release(job);
    throw;
  }
  first_->release(job);
  return false;
}

void BothClaims::release(const std::string& job) {
  second_->release(job);
  first_->release(job);
}

}  // namespace sora
