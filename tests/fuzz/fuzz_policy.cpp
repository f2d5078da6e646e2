// Prompts against the shipped policy: whatever the bytes are, findings lie inside them, and no bytes hide a word that
// stands before them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy/policy.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const sora::Policy policy(sora::read_policy(SORA_POLICY));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const sora::PolicyFinding& finding : policy.check(text)) {
    const bool hidden = finding.category == sora::kMinorsCategory;
    check(finding.bytes.has_value() != hidden);
    if (finding.bytes) check(finding.bytes->begin < finding.bytes->end && finding.bytes->end <= size);
  }
  const std::string longer = "a corpse, and " + std::string(text);
  check(!policy.check(longer).empty());
  return 0;
}
