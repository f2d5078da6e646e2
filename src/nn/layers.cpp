// Layers as values: torch.nn.Linear, LayerNorm and RMSNorm, and the modulated norm and residual of diffusion
// transformers.
#include "nn/layers.h"

#include <ATen/ATen.h>

#include <utility>

#include "nn/rows.h"

namespace sora {
namespace {

Tensor take(const Weights& weights, std::string_view name, at::IntArrayRef shape, Precision precision) {
  switch (precision) {
    case Precision::component:
      return weights.take(name, shape);
    case Precision::fp32:
      return weights.take_fp32(name, shape);
    case Precision::stored:
      return weights.take_stored(name, shape);
    case Precision::host:
      return weights.take_host(name, shape);
  }
  fail(Fault::bug, "a weight of no precision");
}

// x [1, L, C], whose rows may lie apart.
Rows rows_of(const Tensor& x) { return {x.data_ptr<float>(), x.size(-2), x.size(-1), x.stride(-2)}; }

RowParameters parameters_of(const Tensor& parameters) {
  return {parameters.const_data_ptr<float>(), parameters.size(0), parameters.stride(0)};
}

}  // namespace

bool has_cpu_rows(const Tensor& x) {
  return x.device().is_cpu() && x.scalar_type() == at::kFloat && x.dim() == 3 && x.size(0) == 1 && x.stride(-1) == 1;
}

Linear::Linear(Tensor weights, Tensor biases) : weight(std::move(weights)), bias(std::move(biases)) {}

Linear::Linear(const Weights& weights, std::int64_t in, std::int64_t out, Bias has_bias, Precision precision)
    : weight(take(weights, "weight", {out, in}, precision)),
      bias(has_bias == Bias::present
               ? take(weights, "bias", {out}, precision == Precision::fp32 ? precision : Precision::component)
               : Tensor()) {}

Tensor Linear::operator()(const Tensor& x) const { return at::linear(x, weight, bias); }

LayerNorm::LayerNorm(const Weights& weights, std::int64_t size, double epsilon, Precision precision)
    : weight(take(weights, "weight", {size}, precision)),
      bias(take(weights, "bias", {size}, precision)),
      eps(epsilon) {}

Tensor LayerNorm::operator()(const Tensor& x) const {
  if (has_cpu_rows(x)) return modulated_layer_norm(x, weight.unsqueeze(0), bias.unsqueeze(0), eps);
  return at::layer_norm(x.to(weight.scalar_type()), weight.sizes(), weight, bias, eps).to(x.scalar_type());
}

RmsNorm::RmsNorm(const Weights& weights, std::int64_t size, double epsilon)
    : weight(weights.take("weight", {size})), eps(epsilon) {}

Tensor RmsNorm::operator()(const Tensor& x) const {
  if (!has_cpu_rows(x)) return at::rms_norm(x, weight.sizes(), weight, eps);
  Tensor out = at::empty(x.sizes(), x.options());
  rms_norm_rows(rows_of(x), weight.const_data_ptr<float>(), eps, rows_of(out));
  return out;
}

Tensor modulated_layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  const std::int64_t groups = weight.size(0), width = x.size(-1);
  if (has_cpu_rows(x)) {
    Tensor out = at::empty(x.sizes(), x.options());
    layer_norm_rows(rows_of(x), parameters_of(weight), parameters_of(bias), eps, rows_of(out));
    return out;
  }
  const Tensor normed = at::layer_norm(x.to(at::kFloat), {width}, {}, {}, eps).view({groups, -1, width});
  return normed.mul_(weight.unsqueeze(1)).add_(bias.unsqueeze(1)).view(x.sizes()).to(x.scalar_type());
}

void add_gated(const Tensor& x, const Tensor& y, const Tensor& gate) {
  if (has_cpu_rows(x) && has_cpu_rows(y)) {
    add_gated_rows(rows_of(x), rows_of(y), parameters_of(gate));
    return;
  }
  const Tensor sum = y.view({gate.size(0), -1, gate.size(1)}).mul(gate.unsqueeze(1)).view(x.sizes());  // fp32
  x.copy_(sum.add_(x));
}

void gelu_tanh_in_place(Tensor& x) {
  if (has_cpu_rows(x)) {
    gelu_tanh_rows(rows_of(x));
  } else {
    at::gelu_(x, "tanh");
  }
}

}  // namespace sora
