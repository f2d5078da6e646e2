#include "policy/policy.h"

#include <utility>

#include "policy/compiled_policy.h"

namespace sora {

Policy::Policy(PolicyFile file) : file_(std::move(file)), compiled_(std::make_unique<const CompiledPolicy>(file_)) {}
Policy::~Policy() = default;
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(Policy&&) noexcept = default;

std::vector<PolicyFinding> Policy::check(std::string_view text) const { return compiled_->check(text, false); }

std::vector<PolicyFinding> Policy::check_minors(std::string_view text) const { return compiled_->check(text, true); }

}  // namespace sora
