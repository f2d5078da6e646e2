// Row-wise kernels for fp32 on the CPU: one pass over memory where a chain of ATen operations makes three to six.
// The layers call them; on other devices and dtypes the layers are written in ATen.
#pragma once

#include <cstdint>

namespace sora {

/// `rows` rows of `width` floats whose beginnings lie `stride` floats apart.
struct Rows {
  float* data;
  std::int64_t rows, width, stride;
};

/// `groups` rows of parameters; each holds for the same number of consecutive rows of the data.
struct RowParameters {
  const float* data;
  std::int64_t groups, stride;
};

/// out = (x - mean) / sqrt(variance + eps) · weight + bias.
void layer_norm_rows(const Rows& x, const RowParameters& weight, const RowParameters& bias, double eps,
                     const Rows& out);

/// x += y · gate.
void add_gated_rows(const Rows& x, const Rows& y, const RowParameters& gate);

/// x = gelu(x) in its tanh form, in place: x / (1 + exp(-2u)), u = sqrt(2/π) · (x + 0.044715 · x³).
void gelu_tanh_rows(const Rows& x);

/// out = x / sqrt(mean of squares + eps) · weight.
void rms_norm_rows(const Rows& x, const float* weight, double eps, const Rows& out);

/// The same in place, and then every pair (2k, 2k + 1) within each run of `head_dim` is rotated by the row's k-th
/// angle, whose cosine and sine lie in tables of [rows, head_dim / 2].
void rms_norm_rotate_rows(const Rows& x, const float* weight, double eps, const float* cosines, const float* sines,
                          std::int64_t head_dim);

}  // namespace sora
