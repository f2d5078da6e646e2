// Reference tensors, and how close is close enough.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <source_location>
#include <string>

namespace sora::test {

/// All tensors of a safetensors file, in the types that they are stored in.
std::map<std::string, at::Tensor> read_tensors(const std::filesystem::path& file);

/// The opposite: for tests that need a checkpoint of their own.
void write_tensors(const std::filesystem::path& file, const std::map<std::string, at::Tensor>& tensors);

/// ‖actual − expected‖ / ‖expected‖ in double precision; infinity if expected is all zero and actual is not.
double relative_l2(const at::Tensor& actual, const at::Tensor& expected);

/// Fails the test unless the shapes are equal, all values are finite and relative_l2 <= bar. The failure tells the
/// measured figure and the element that is furthest off.
void expect_close(const std::string& name, const at::Tensor& actual, const at::Tensor& expected, double bar,
                  const std::source_location& where = std::source_location::current());

}  // namespace sora::test
