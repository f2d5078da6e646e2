// Taps on intermediate tensors. The recorder is a thread-local because layers are values that know no context.
#include "nn/trace.h"

#include <fmt/format.h>

#include <utility>

namespace sora {
namespace {
thread_local const TraceFn* recorder = nullptr;
}

void trace(std::string_view name, const Tensor& value) {
  if (recorder != nullptr) (*recorder)(name, value);
}

void trace(std::string_view part, std::string_view name, const Tensor& value) {
  if (recorder != nullptr) (*recorder)(fmt::format("{}.{}", part, name), value);
}

TraceScope::TraceScope(TraceFn record) : record_(std::move(record)), outer_(std::exchange(recorder, &record_)) {}

TraceScope::~TraceScope() { recorder = outer_; }

}  // namespace sora
