// Out of memory, as LibTorch and the C++ library say it.
#pragma once

#include <exception>
#include <string>

#include "sora/error.h"
#include "sora/plan.h"

namespace sora {

/// Without LibTorch's backtrace.
std::string words_of(const std::exception& error);

/// Of the host or of a device.
bool is_out_of_memory(const std::exception& error);

/// What LibTorch throws, as an Error: {memory} with what the plan needs, or {bug}. An Error stays what it is.
Error as_error(const std::exception& error, const Plan& plan);

}  // namespace sora
