// Taps on intermediate tensors, so that a parity test can name the first one that differs from the reference.
#pragma once

#include <functional>
#include <string_view>

#include "sora/tensor.h"

namespace sora {

using TraceFn = std::function<void(std::string_view name, const Tensor& value)>;

/// Shows `value` to the recorder of this thread's innermost TraceScope; without one it costs a branch.
void trace(std::string_view name, const Tensor& value);

/// The same under the name `part.name`.
void trace(std::string_view part, std::string_view name, const Tensor& value);

/// Installs a recorder on this thread for the scope's lifetime. The recorder must clone what it keeps: a value may be
/// overwritten in place right after.
class TraceScope {
 public:
  explicit TraceScope(TraceFn record);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  TraceFn record_;
  const TraceFn* outer_;
};

}  // namespace sora
