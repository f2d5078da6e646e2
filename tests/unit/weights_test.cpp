// Weights: zero-copy views, conversions, and every way in which a checkpoint and a network can disagree.
#include "sora/weights.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>

#include <cmath>
#include <fstream>

#include "base/machine.h"
#include "nn/block_fetcher.h"
#include "nn/device.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;

class WeightsTest : public ::testing::Test {
 protected:
  WeightFiles open(const std::map<std::string, Tensor>& tensors, at::ScalarType dtype = at::kFloat,
                   LoadedFn loaded = {}) {
    test::write_tensors(file_, tensors);
    return {{read_safetensors_header(file_)}, at::kCPU, dtype, std::move(loaded)};
  }
  std::string folder() const { return file_.parent_path().string(); }

  test::TempDir temp_;
  const fs::path file_ = temp_ / "transformer/model.safetensors";
};

bool is_mapped(const Tensor& tensor) {
  // A view of a file shares the storage of all bytes of the file.
  return tensor.storage().nbytes() > static_cast<std::size_t>(tensor.nbytes());
}

TEST_F(WeightsTest, TakesByNameAndShape) {
  const Tensor q = at::randn({4, 3}), scale = at::randn({}), unused = at::randn({2});
  WeightFiles files =
      open({{"blocks.0.attn.q.weight", q}, {"blocks.10.attn.q.weight", q * 2}, {"scale", scale}, {"unused", unused}});
  const Weights root = files.root(), blocks = root.sub("blocks");
  EXPECT_TRUE(at::equal(blocks.sub(0).sub("attn.q").take("weight", {4, 3}), q));
  EXPECT_TRUE(at::equal(blocks.sub(10).sub("attn").take("q.weight", {4, 3}), q * 2));
  EXPECT_TRUE(at::equal(root.take("scale", {}), scale));
  EXPECT_TRUE(blocks.sub(0).has("attn.q.weight"));
  EXPECT_FALSE(blocks.has("attn.q.weight"));
  EXPECT_EQ(root.take_if("absent", {1}), std::nullopt);
  root.ignore("absent");
  EXPECT_EQ(error_of(Fault::input, [&] { files.finish(); }),
            folder() + ": 1 of its tensors belong to no part of the network that its config describes: \"unused\"");
  root.ignore("unused");
  files.finish();
  EXPECT_TRUE(at::equal(*root.take_if("unused", {2}), unused));  // taking again is fine, e.g. where weights are tied
}

TEST_F(WeightsTest, OnTheCpuTheFileIsTheStorage) {
  const Tensor a = at::randn({64, 64}), b = at::randn({64, 64});
  Tensor first, second;
  {
    WeightFiles files = open({{"a", a}, {"b", b}});
    first = files.root().take("a", {64, 64});
    second = files.root().take("b", {64, 64});
  }
  EXPECT_TRUE(is_mapped(first));
  EXPECT_EQ(first.storage().data(), second.storage().data());
  fs::remove(file_);  // the mapping outlives the WeightFiles, and even the file's name
  EXPECT_TRUE(at::equal(first, a));
  EXPECT_TRUE(at::equal(second, b));
  EXPECT_TRUE(first.is_contiguous());
}

TEST_F(WeightsTest, ConversionsAreTorchs) {
  const Tensor values = at::randn({33, 7}, at::kDouble) * 100;
  for (at::ScalarType stored : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
    for (at::ScalarType wanted : {at::kFloat, at::kBFloat16}) {
      const Tensor original = values.to(stored);
      WeightFiles files = open({{"w", original}}, wanted);
      const Tensor taken = files.root().take("w", {33, 7});
      EXPECT_EQ(taken.scalar_type(), wanted);
      EXPECT_TRUE(at::equal(taken, original.to(wanted)));
      EXPECT_EQ(is_mapped(taken), stored == wanted);
      const Tensor kept = files.root().take_fp32("w", {33, 7});
      EXPECT_EQ(kept.scalar_type(), at::kFloat);
      EXPECT_TRUE(at::equal(kept, original.to(at::kFloat)));
    }
  }
}

TEST_F(WeightsTest, OnTheHostTheyStayAsTheyAreStored) {
  const Tensor half = at::randn({8, 8}).to(at::kHalf);
  WeightFiles files = open({{"w", half}});
  for (const Tensor& taken : {files.root().take_stored("w", {8, 8}), files.root().take_host("w", {8, 8})}) {
    EXPECT_TRUE(is_mapped(taken));
    EXPECT_TRUE(at::equal(taken, half));
  }
}

struct TwoWeights {
  Tensor small, a, b;
  std::array<Tensor*, 2> large_weights() { return {&a, &b}; }
};

TEST_F(WeightsTest, BlocksAreFetchedOneAtATime) {
  std::vector<TwoWeights> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back({at::full({1}, i), at::full({4, 4}, i, at::kHalf), at::full({2}, i)});
  FetchedBlocks<TwoWeights> fetched(blocks, at::TensorOptions(at::kFloat));
  ASSERT_EQ(fetched.size(), 3);
  std::optional<c10::weak_intrusive_ptr<at::TensorImpl>> last;
  for (const int i : {0, 1, 2, 0, 2}) {
    const TwoWeights& block = fetched.at(i);
    EXPECT_TRUE(!last || last->expired()) << "weights of the block before are still there";
    EXPECT_TRUE(at::equal(block.a, at::full({4, 4}, i, at::kFloat)));
    EXPECT_TRUE(at::equal(block.b, at::full({2}, i, at::kFloat)));
    EXPECT_EQ(block.small.item<int>(), i);
    last.emplace(block.a.getIntrusivePtr());
  }
  const Tensor& again = fetched.at(2).a;
  EXPECT_TRUE(at::equal(again, at::full({4, 4}, 2, at::kFloat)));
}

TEST_F(WeightsTest, UnalignedTensorsAreCopied) {
  test::write_tensors(file_, {{"w", at::arange(6, at::kFloat)}});
  // The same header with one byte more: everything after it is at odd offsets.
  std::string bytes = test::read_text(file_);
  const std::size_t end = 8 + static_cast<unsigned char>(bytes[0]);
  bytes.insert(end, " ");
  bytes[0] = static_cast<char>(bytes[0] + 1);
  test::write_file(file_, bytes);
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    WeightFiles files({read_safetensors_header(file_)}, at::kCPU, dtype);
    const Tensor taken = files.root().take("w", {6});
    EXPECT_FALSE(is_mapped(taken));
    EXPECT_TRUE(at::equal(taken.to(at::kFloat), at::arange(6, at::kFloat)));
  }
}

TEST_F(WeightsTest, EmptyTensors) {
  WeightFiles files = open({{"none", at::empty({0, 4})}, {"one", at::ones({1})}});
  EXPECT_EQ(files.root().take("none", {0, 4}).numel(), 0);
  EXPECT_EQ(files.root().take("one", {1}).item<float>(), 1);
  files.finish();
}

TEST_F(WeightsTest, MissingTensor) {
  WeightFiles files = open({{"blocks.0.attn1.to_k.weight", at::zeros({1})}, {"norm", at::zeros({1})}});
  EXPECT_EQ(error_of(Fault::input,
                     [&] {
                       files.root().sub("blocks").sub(0).take("attn1.to_q.weight", {40, 40});
                     }),
            folder() +
                ": tensor \"blocks.0.attn1.to_q.weight\" is missing; expected shape [40, 40] (the nearest name is "
                "\"blocks.0.attn1.to_k.weight\")");
  EXPECT_EQ(error_of(Fault::input, [&] { files.root().take("patch_embedding.weight", {}); }),
            folder() + ": tensor \"patch_embedding.weight\" is missing; expected shape []");
}

TEST_F(WeightsTest, WrongShape) {
  WeightFiles files = open({{"w", at::zeros({2, 3})}});
  EXPECT_EQ(error_of(Fault::input,
                     [&] {
                       files.root().take("w", {3, 2});
                     }),
            file_.string() + ": tensor \"w\": expected shape [3, 2], found [2, 3]");
  EXPECT_EQ(error_of(Fault::input, [&] { files.root().take_if("w", {6}); }),
            file_.string() + ": tensor \"w\": expected shape [6], found [2, 3]");
}

TEST_F(WeightsTest, TypesThatAreNoWeights) {
  for (at::ScalarType type :
       {at::kLong, at::kInt, at::kShort, at::kChar, at::kByte, at::kBool, at::kFloat8_e4m3fn, at::kFloat8_e5m2}) {
    WeightFiles files = open({{"w", at::zeros({2}).to(type)}});
    const std::string_view name = to_string(read_safetensors_header(file_).tensors.at("w").type);
    EXPECT_EQ(
        error_of(Fault::input, [&] { files.root().take("w", {2}); }),
        fmt::format("{}: tensor \"w\": is stored as {}; weights can be F64, F32, F16 or BF16", file_.string(), name));
  }
}

TEST_F(WeightsTest, LeftOver) {
  std::map<std::string, Tensor> tensors;
  for (int i = 0; i < 12; ++i) tensors[fmt::format("lora.{:02}", i)] = at::zeros({1});
  WeightFiles files = open(tensors);
  files.root().take("lora.00", {1});
  EXPECT_EQ(error_of(Fault::input, [&] { files.finish(); }),
            folder() +
                ": 11 of its tensors belong to no part of the network that its config describes: \"lora.01\", "
                "\"lora.02\", \"lora.03\", "
                "\"lora.04\", \"lora.05\", \"lora.06\", \"lora.07\", \"lora.08\", \"lora.09\", \"lora.10\" ...");
}

TEST_F(WeightsTest, SeveralFiles) {
  const fs::path other = temp_ / "transformer/other.safetensors";
  test::write_tensors(file_, {{"a", at::ones({2})}});
  test::write_tensors(other, {{"b", at::ones({3})}});
  {
    WeightFiles files({read_safetensors_header(file_), read_safetensors_header(other)}, at::kCPU, at::kFloat);
    EXPECT_EQ(files.root().take("a", {2}).sum().item<float>(), 2);
    EXPECT_EQ(files.root().take("b", {3}).sum().item<float>(), 3);
    files.finish();
  }
  test::write_tensors(other, {{"a", at::ones({3})}});
  EXPECT_EQ(
      error_of(Fault::input,
               [&] {
                 WeightFiles({read_safetensors_header(file_), read_safetensors_header(other)}, at::kCPU, at::kFloat);
               }),
      other.string() + ": tensor \"a\" is also in model.safetensors");
}

TEST_F(WeightsTest, FileThatChanged) {
  test::write_tensors(file_, {{"a", at::ones({100})}});
  const SafetensorsHeader header = read_safetensors_header(file_);
  fs::resize_file(file_, header.file_size - 1);
  EXPECT_EQ(error_of(Fault::input, [&] { WeightFiles({header}, at::kCPU, at::kFloat); }),
            fmt::format("{}: was {} bytes long when its header was read and now is {}; is it still being downloaded?",
                        file_.string(), header.file_size, header.file_size - 1));
  fs::remove(file_);
  EXPECT_EQ(error_of(Fault::input, [&] { WeightFiles({header}, at::kCPU, at::kFloat); }),
            file_.string() + ": cannot be opened: No such file or directory");
}

TEST_F(WeightsTest, Progress) {
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  WeightFiles files = open({{"a", at::ones({2})}, {"b", at::ones({3})}, {"c", at::ones({1})}}, at::kFloat,
                           [&](std::int64_t done, std::int64_t total) { seen.emplace_back(done, total); });
  files.root().take("b", {3});
  files.root().take("b", {3});  // counted once
  files.root().ignore("c");
  files.root().take("a", {2});
  EXPECT_THAT(seen, ::testing::ElementsAre(std::pair(0, 24), std::pair(12, 24), std::pair(16, 24), std::pair(24, 24)));
}

// Pages of a mapping that are in memory, in bytes.
std::int64_t resident_file_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::int64_t kilobytes = 0;
    if (word == "RssFile:" && status >> kilobytes) return 1024 * kilobytes;
  }
  return 0;
}

TEST_F(WeightsTest, ConvertedTensorsLeaveNoPagesBehind) {
  constexpr std::int64_t kValues = 4 << 20;
  std::map<std::string, Tensor> tensors;
  for (const char* name : {"a", "b", "c", "d"}) tensors[name] = at::ones({kValues});
  WeightFiles files = open(tensors, at::kBFloat16);
  const std::int64_t before = resident_file_bytes();
  for (const auto& [name, tensor] : tensors) files.root().take(name, {kValues});
  EXPECT_LT(resident_file_bytes() - before, 4'000'000);  // of 64 MB
}

TEST_F(WeightsTest, DroppedWeightsLeaveNoPagesBehind) {
  constexpr std::int64_t kValues = 4 << 20;
  WeightFiles files = open({{"a", at::ones({kValues})}, {"b", at::full({kValues}, 2.0F)}});
  const std::int64_t before = resident_file_bytes();
  Tensor a = files.root().take("a", {kValues}), b = files.root().take("b", {kValues}), computed = a + b;
  ASSERT_GT(resident_file_bytes() - before, 32'000'000);
  drop_weight(a);
  EXPECT_LT(resident_file_bytes() - before, 20'000'000);
  EXPECT_FALSE(a.defined());
  EXPECT_TRUE(at::equal(b, at::full({kValues}, 2.0F)));
  EXPECT_TRUE(at::equal(files.root().take("a", {kValues}), at::ones({kValues})));  // read again
  drop_weight(computed);                                                           // not of a file
  EXPECT_FALSE(computed.defined());
}

TEST(Device, Cpu) {
  const at::Device device = prepare_device({.threads = 3});
  EXPECT_TRUE(device.is_cpu());
  EXPECT_EQ(at::get_num_threads(), 3);
  EXPECT_EQ(peak_device_bytes(device), 0);
  prepare_device({});
  EXPECT_EQ(at::get_num_threads(), cores());
}

TEST(Device, ScalarTypes) {
  EXPECT_EQ(scalar_type(Dtype::fp32), at::kFloat);
  EXPECT_EQ(scalar_type(Dtype::bf16), at::kBFloat16);
}

TEST(Device, CudaWithoutADriver) {
  if (nvidia_driver_present()) GTEST_SKIP() << "this machine has a driver";
  EXPECT_EQ(error_of(Fault::usage, [] { prepare_device({.device = DeviceKind::cuda}); }),
            "device cuda: no NVIDIA driver is loaded on this machine; use --device cpu");
}

// The measure that all parity tests stand on.
TEST(ExpectClose, PassesAtTheBarAndFailsAboveIt) {
  test::expect_close("x", at::tensor({3.0, 4.5}), at::tensor({3.0, 4.0}), 0.1);
  test::expect_close("x", at::tensor({1, 2}), at::tensor({1, 2}), 0);
  EXPECT_NONFATAL_FAILURE(test::expect_close("x", at::tensor({3.0, 4.5}), at::tensor({3.0, 4.0}), 0.099),
                          "x: relative L2 0.1 > 0.099; worst at [1]: 4.5, expected 4");
  EXPECT_NONFATAL_FAILURE(test::expect_close("x", at::ones({2, 3}), at::zeros({2, 3}), 1),
                          "x: relative L2 inf > 1; worst at [0, 0]: 1, expected 0");
}

TEST(ExpectClose, RefusesNanAndOtherShapes) {
  EXPECT_NONFATAL_FAILURE(test::expect_close("x", at::ones({2}), at::ones({2, 1}), 1), "x: shape [2], expected [2, 1]");
  EXPECT_NONFATAL_FAILURE(test::expect_close("x", at::tensor({1.0, NAN}), at::ones({2}), 1),
                          "x: 1 values are NaN or infinite");
  EXPECT_NONFATAL_FAILURE(test::expect_close("x", at::ones({2}), at::tensor({INFINITY, INFINITY}), 1),
                          "x: 2 expected values are NaN or infinite");
  EXPECT_NONFATAL_FAILURE(test::expect_close("x", Tensor(), at::ones({2}), 1), "x: a tensor is not defined");
}

}  // namespace
}  // namespace sora
