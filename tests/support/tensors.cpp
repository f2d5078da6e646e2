#include "support/tensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <sstream>
#include <utility>

#include "sora/checkpoint.h"
#include "support/files.h"

namespace sora::test {
namespace {

constexpr std::array<std::pair<StoredType, at::ScalarType>, 12> kTypes{{
    {StoredType::f64, at::kDouble},
    {StoredType::f32, at::kFloat},
    {StoredType::f16, at::kHalf},
    {StoredType::bf16, at::kBFloat16},
    {StoredType::i64, at::kLong},
    {StoredType::i32, at::kInt},
    {StoredType::i16, at::kShort},
    {StoredType::i8, at::kChar},
    {StoredType::u8, at::kByte},
    {StoredType::boolean, at::kBool},
    {StoredType::f8_e4m3, at::kFloat8_e4m3fn},
    {StoredType::f8_e5m2, at::kFloat8_e5m2},
}};

at::ScalarType scalar_type_of(StoredType stored) {
  return std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& pair) { return pair.first == stored; })->second;
}

StoredType stored_type_of(at::ScalarType type) {
  return std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& pair) { return pair.second == type; })->first;
}

std::string index_text(std::int64_t flat, at::IntArrayRef sizes) {
  std::vector<std::int64_t> index(sizes.size());
  for (std::size_t axis = sizes.size(); axis-- > 0;) {
    index[axis] = flat % sizes[axis];
    flat /= sizes[axis];
  }
  std::ostringstream text;
  text << at::IntArrayRef(index);
  return text.str();
}

}  // namespace

std::map<std::string, at::Tensor> read_tensors(const std::filesystem::path& file) {
  const std::string content = read_text(file);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, stored] : read_safetensors_header(file).tensors) {
    at::Tensor tensor = at::empty(stored.shape, scalar_type_of(stored.type));
    std::memcpy(tensor.data_ptr(), content.data() + stored.begin, static_cast<std::size_t>(stored.end - stored.begin));
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

void write_tensors(const std::filesystem::path& file, const std::map<std::string, at::Tensor>& tensors) {
  std::ostringstream header, content;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor plain = tensor.contiguous();
    const auto begin = content.tellp();
    content.write(static_cast<const char*>(plain.data_ptr()), static_cast<std::streamsize>(plain.nbytes()));
    std::ostringstream shape;
    for (std::int64_t size : plain.sizes()) shape << (shape.tellp() == 0 ? "" : ",") << size;
    header << (header.tellp() == 0 ? "{\"" : ",\"") << name << "\":{\"dtype\":\""
           << to_string(stored_type_of(plain.scalar_type())) << "\",\"shape\":[" << shape.str()
           << "],\"data_offsets\":[" << begin << "," << content.tellp() << "]}";
  }
  std::string text = tensors.empty() ? "{}" : header.str() + "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<std::uint64_t>(text.size());
  write_file(file, std::string(reinterpret_cast<const char*>(&length), sizeof length) + text + content.str());
}

double relative_l2(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor a = actual.detach().to(at::kCPU, at::kDouble), b = expected.detach().to(at::kCPU, at::kDouble);
  const double difference = (a - b).norm().item<double>(), size = b.norm().item<double>();
  if (difference == 0) return 0;
  return size == 0 ? std::numeric_limits<double>::infinity() : difference / size;
}

void expect_close(const std::string& name, const at::Tensor& actual, const at::Tensor& expected, double bar,
                  const std::source_location& where) {
  const auto failure = [&](const std::string& text) {
    GTEST_MESSAGE_AT_(where.file_name(), static_cast<int>(where.line()), (name + ": " + text).c_str(),
                      ::testing::TestPartResult::kNonFatalFailure);
  };
  std::ostringstream text;
  if (!actual.defined() || !expected.defined()) return failure("a tensor is not defined");
  if (actual.sizes() != expected.sizes()) {
    text << "shape " << actual.sizes() << ", expected " << expected.sizes();
    return failure(text.str());
  }
  const at::Tensor a = actual.detach().to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor b = expected.detach().to(at::kCPU, at::kDouble).contiguous();
  const auto not_finite = [](const at::Tensor& x) { return (~x.isfinite()).sum().item<std::int64_t>(); };
  if (const std::int64_t n = not_finite(a); n > 0) return failure(std::to_string(n) + " values are NaN or infinite");
  if (const std::int64_t n = not_finite(b); n > 0)
    return failure(std::to_string(n) + " expected values are NaN or infinite");
  const double measured = relative_l2(a, b);
  if (measured <= bar) return;
  const std::int64_t worst = (a - b).abs().argmax().item<std::int64_t>();
  text << "relative L2 " << measured << " > " << bar << "; worst at " << index_text(worst, a.sizes()) << ": "
       << a.view(-1)[worst].item<double>() << ", expected " << b.view(-1)[worst].item<double>();
  failure(text.str());
}

}  // namespace sora::test
