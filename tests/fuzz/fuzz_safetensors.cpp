// Headers of safetensors files: an input is a whole file. What is accepted must lie in the file; what is refused must
// be refused in words that a terminal can show.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "sora/checkpoint.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_layout(const sora::SafetensorsHeader& header, std::size_t file_size) {
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  for (const auto& [name, tensor] : header.tensors) {
    check(sora::printable(name, name.size() + 1) == name);
    std::int64_t bytes = sora::size_of(tensor.type);
    for (std::int64_t size : tensor.shape) check(size >= 0 && !__builtin_mul_overflow(bytes, size, &bytes));
    check(tensor.end - tensor.begin == bytes);
    ranges.emplace_back(tensor.begin, tensor.end);
  }
  if (ranges.empty()) return;
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) check(ranges[i].first == ranges[i - 1].second);
  check(ranges.front().first > 8 && ranges.back().second == static_cast<std::int64_t>(file_size));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    check_layout(sora::parse_safetensors_header(bytes, size, "fuzz.safetensors"), size);
  } catch (const sora::Error& error) {
    const std::string_view message = error.what();
    check(error.fault() == sora::Fault::input && sora::printable(message, message.size() + 1) == message);
  }
  return 0;
}
