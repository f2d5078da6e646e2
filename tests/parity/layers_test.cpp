// Layers of the denoiser against diffusers and against ATen in double precision; traces.
#include "nn/layers.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "nn/rope.h"
#include "nn/timestep.h"
#include "nn/trace.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

using test::expect_close;

constexpr double kLayer = 1e-5;

// The kernels for fp32 on the CPU against ATen, with rows that fill no vector and parameters of three groups.
TEST(Layers, RowsEqualAten) {
  for (const std::int64_t width : {6, 34, 192}) {
    const Tensor x = at::randn({1, 12, width}) * 3 + 1, y = at::randn({1, 12, width});
    const Tensor weight = at::randn({3, 6, width}).select(1, 1), bias = at::randn({3, 6, width}).select(1, 4);
    const Tensor by_group = x.to(at::kDouble).view({3, 4, width});
    const std::string name = "width " + std::to_string(width);
    const Tensor normed = at::layer_norm(by_group, {width}, {}, {}, 1e-6) * weight.unsqueeze(1) + bias.unsqueeze(1);
    expect_close(name, modulated_layer_norm(x, weight, bias, 1e-6), normed.view_as(x), 1e-6);

    Tensor sum = x.clone(), bf16 = x.to(at::kBFloat16);
    add_gated(sum, y, weight);
    const Tensor change = y.view({3, 4, width}) * weight.unsqueeze(1);
    expect_close(name, sum, x + change.view_as(x), 1e-6);
    add_gated(bf16, y.to(at::kBFloat16), weight);
    expect_close(name, bf16, x + change.view_as(x), 1e-2);

    Tensor active = x.clone();
    gelu_tanh_in_place(active);
    expect_close(name, active, at::gelu(x.to(at::kDouble), "tanh"), 1e-6);
  }
  Tensor extreme = at::tensor({-1e4, -100.0, -9.0, -1e-30, 0.0, 1e-30, 9.0, 1e30}).to(at::kFloat).view({1, 1, 8});
  const Tensor expected = at::tensor({0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 1e30}).to(at::kFloat).view({1, 1, 8});
  gelu_tanh_in_place(extreme);
  EXPECT_TRUE(at::allclose(extreme, expected, 0, 1e-27)) << extreme;
}

TEST(Layers, TimestepEmbeddingAndNorms) {
  const auto recorded = test::read_tensors(test::data("ref/wan21_t2v/fp32_unipc4.safetensors"));
  const auto part = [&](const char* name) { return recorded.at(std::string("transformer.call0.") + name); };
  EXPECT_TRUE(at::equal(timestep_embedding(at::full({1}, 999.0), 256), part("timesteps_proj")));

  const auto folder = test::data("models/wan21_t2v/transformer");
  WeightFiles files(read_component_headers(folder, "diffusion_pytorch_model"), at::kCPU, at::kFloat);
  const Weights block = files.root().sub("blocks").sub(0);
  const Tensor ones = at::ones({1, 40}), zeros = at::zeros({1, 40});
  const Tensor x = part("patch_embedding").flatten(2).transpose(1, 2).contiguous();
  const Tensor norm1 = modulated_layer_norm(x, ones, zeros, 1e-6);
  expect_close("norm1", norm1, part("block0.norm1"), kLayer);
  expect_close("norm_out", modulated_layer_norm(part("block2"), ones, zeros, 1e-6), part("norm_out"), kLayer);

  const Tensor table = block.take("scale_shift_table", {1, 6, 40}) + part("time_proj").view({1, 6, 40});
  const Tensor modulated = modulated_layer_norm(x, table.select(1, 1) + 1, table.select(1, 0), 1e-6);
  const Tensor q = Linear(block.sub("attn1.to_q"), 40, 40)(modulated);
  const RmsNorm norm_q(block.sub("attn1.norm_q"), 40, 1e-6);
  expect_close("norm_q", norm_q(q), part("block0.attn1.norm_q"), kLayer);
  const RotaryTables still = {at::ones({36, 10}), at::zeros({36, 10})};
  norm_and_rotate(q, norm_q, still);
  expect_close("norm_q without rotation", q, part("block0.attn1.norm_q"), kLayer);

  Tensor residual = x.clone();
  add_gated(residual, part("block0.attn1"), table.select(1, 2));
  expect_close("norm2", LayerNorm(block.sub("norm2"), 40, 1e-6, Precision::fp32)(residual), part("block0.norm2"),
               kLayer);
  expect_close("norm3", modulated_layer_norm(residual + part("block0.attn2"), ones, zeros, 1e-6), part("block0.norm3"),
               kLayer);
}

TEST(Trace, InnermostScopeRecords) {
  std::string seen;
  const Tensor x = at::zeros({1});
  trace("nobody", x);
  {
    const TraceScope outer([&](std::string_view name, const Tensor&) { seen += fmt::format("<{}>", name); });
    trace("a", x);
    {
      const TraceScope inner([&](std::string_view name, const Tensor&) { seen += fmt::format("[{}]", name); });
      trace("block1", "ffn", x);
    }
    trace("b", x);
  }
  trace("nobody", x);
  EXPECT_EQ(seen, "<a>[block1.ffn]<b>");
}

}  // namespace
}  // namespace sora
