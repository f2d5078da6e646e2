// The layers that every network is made of: plain values that take their tensors when they are constructed.
#pragma once

#include <cstdint>

#include "sora/weights.h"

namespace sora {

enum class Bias { none, present };
/// fp32: kept in fp32 whatever the component's dtype, as the reference does for time embeddings and some norms.
/// stored, host: as Weights::take_stored and take_host; to be brought to the device, in the component's dtype, before
/// it is used.
enum class Precision { component, fp32, stored, host };

/// nn.Linear: `weight` [out, in], `bias` [out]. A bias is too small to be left on the host.
struct Linear {
  Tensor weight;
  Tensor bias;  ///< undefined for Bias::none

  Linear(Tensor weights, Tensor biases);
  Linear(const Weights& weights, std::int64_t in, std::int64_t out, Bias has_bias = Bias::present,
         Precision precision = Precision::component);
  Tensor operator()(const Tensor& x) const;  // [..., in] -> [..., out]
};

/// nn.LayerNorm over the last dimension, with its affine part; computed in the type of its tensors, returned in x's.
struct LayerNorm {
  Tensor weight, bias;  // [size]
  double eps;

  LayerNorm(const Weights& weights, std::int64_t size, double epsilon, Precision precision = Precision::component);
  Tensor operator()(const Tensor& x) const;
};

/// torch.nn.RMSNorm over the last dimension: one fused operation, computed in fp32. (T5's norm rounds elsewhere.)
struct RmsNorm {
  Tensor weight;  // [size]
  double eps;

  RmsNorm(const Weights& weights, std::int64_t size, double epsilon);
  Tensor operator()(const Tensor& x) const;
};

/// Layer norm of x [1, L, C] in fp32 and then · weight + bias, which are fp32 [n, C]: n divides L, and each row holds
/// for L / n consecutive rows of x. Returned in x's dtype.
Tensor modulated_layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps);

/// x += y · gate in place, computed in fp32 and rounded once; x and y [1, L, C], gate fp32 [n, C] as above.
void add_gated(const Tensor& x, const Tensor& y, const Tensor& gate);

/// gelu in its tanh form, in place.
void gelu_tanh_in_place(Tensor& x);

/// fp32 on the CPU with whole rows in one piece: what the kernels of nn/rows.h take.
bool has_cpu_rows(const Tensor& x);

}  // namespace sora
