#include "cli/problems.h"

#include <fmt/ranges.h>

#include <utility>

namespace sora {
namespace {

constexpr std::size_t kMostShown = 20;

}  // namespace

void Problems::add(std::string message) {
  ++count_;
  if (first_.size() < kMostShown) first_.push_back(std::move(message));
}

void Problems::throw_if_any() const {
  if (count_ == 0) return;
  const std::size_t unsaid = static_cast<std::size_t>(count_) - first_.size();
  fail(Fault::usage, "{}{}", fmt::join(first_, "\n"), unsaid == 0 ? "" : fmt::format("\n... and {} more", unsaid));
}

}  // namespace sora
