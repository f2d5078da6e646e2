// Row-wise kernels for fp32 on the CPU. Each works on one row in a function of its own, because what at::parallel_for
// calls is not compiled for AVX2.
#include "nn/rows.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/simd.h"

namespace sora {
namespace {

constexpr std::int64_t kFloatsPerTask = 1 << 14;
constexpr float kGeluOuter = 1.5957691216F, kGeluInner = 0.0713548162726F;  // 2 · sqrt(2/π), and that times 0.044715
constexpr std::int64_t kSums = 16;  // independent sums, because the compiler may not reorder one

/// Sum of term(x[0]) ... term(x[width - 1]).
template <class Term>
SORA_SIMD_INLINE float sum(const float* x, std::int64_t width, const Term& term) {
  std::array<float, kSums> lanes{};
  std::int64_t i = 0;
  for (; i + kSums <= width; i += kSums) {
    for (std::int64_t lane = 0; lane < kSums; ++lane) lanes[lane] += term(x[i + lane]);
  }
  for (; i < width; ++i) lanes[i % kSums] += term(x[i]);
  for (std::int64_t half = kSums / 2; half > 0; half /= 2) {
    for (std::int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

SORA_SIMD_INLINE float inverse_rms(const float* x, std::int64_t width, float eps) {
  const float squares = sum(x, width, [](float value) { return value * value; });
  return 1.0F / std::sqrt(squares / static_cast<float>(width) + eps);
}

SORA_SIMD_CLONES
void layer_norm_row(const float* x, const float* weight, const float* bias, float eps, std::int64_t size,
                    float* __restrict out) {
  const auto width = static_cast<float>(size);
  const float mean = sum(x, size, [](float value) { return value; }) / width;
  const float variance = sum(x, size, [mean](float value) { return (value - mean) * (value - mean); }) / width;
  const float scale = 1.0F / std::sqrt(variance + eps);
  for (std::int64_t i = 0; i < size; ++i) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

SORA_SIMD_CLONES
void add_gated_row(float* __restrict x, const float* y, const float* gate, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) x[i] += y[i] * gate[i];
}

SORA_SIMD_CLONES
void gelu_tanh_row(float* x, std::int64_t size) {
  for_lanes(size, [&](std::int64_t i, const auto& lanes) SORA_SIMD_LAMBDA {
    Vec v;
    lanes.load(v, x + i);
    Vec e = -v * (kGeluOuter + kGeluInner * v * v);
    exponentiate(e);
    v = v / (1.0F + e);
    lanes.store(v, x + i);
  });
}

SORA_SIMD_CLONES
void rms_norm_row(const float* x, const float* weight, float eps, std::int64_t size, float* __restrict out) {
  const float scale = inverse_rms(x, size, eps);
  for (std::int64_t i = 0; i < size; ++i) out[i] = x[i] * scale * weight[i];
}

SORA_SIMD_CLONES
void rms_norm_rotate_row(float* __restrict x, const float* weight, float eps, std::int64_t size, const float* cosines,
                         const float* sines, std::int64_t pairs) {
  const float scale = inverse_rms(x, size, eps);
  for (std::int64_t start = 0; start < size; start += 2 * pairs) {
    float* head = x + start;
    const float* w = weight + start;
    for (std::int64_t k = 0; k < pairs; ++k) {
      const float a = head[2 * k] * scale * w[2 * k];
      const float b = head[2 * k + 1] * scale * w[2 * k + 1];
      head[2 * k] = a * cosines[k] - b * sines[k];
      head[2 * k + 1] = a * sines[k] + b * cosines[k];
    }
  }
}

template <class RowFn>
void for_each_row(const Rows& x, const RowFn& row_fn) {
  const std::int64_t rows_per_task = std::max<std::int64_t>(1, kFloatsPerTask / x.width);
  at::parallel_for(0, x.rows, rows_per_task, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) row_fn(row);
  });
}

float* row_of(const Rows& x, std::int64_t row) { return x.data + row * x.stride; }

const float* row_of(const RowParameters& parameters, std::int64_t row, std::int64_t rows) {
  return parameters.data + row * parameters.groups / rows * parameters.stride;
}

}  // namespace

void layer_norm_rows(const Rows& x, const RowParameters& weight, const RowParameters& bias, double eps,
                     const Rows& out) {
  for_each_row(x, [&](std::int64_t row) {
    layer_norm_row(row_of(x, row), row_of(weight, row, x.rows), row_of(bias, row, x.rows), static_cast<float>(eps),
                   x.width, row_of(out, row));
  });
}

void add_gated_rows(const Rows& x, const Rows& y, const RowParameters& gate) {
  for_each_row(
      x, [&](std::int64_t row) { add_gated_row(row_of(x, row), row_of(y, row), row_of(gate, row, x.rows), x.width); });
}

void gelu_tanh_rows(const Rows& x) {
  for_each_row(x, [&](std::int64_t row) { gelu_tanh_row(row_of(x, row), x.width); });
}

void rms_norm_rows(const Rows& x, const float* weight, double eps, const Rows& out) {
  for_each_row(x, [&](std::int64_t row) {
    rms_norm_row(row_of(x, row), weight, static_cast<float>(eps), x.width, row_of(out, row));
  });
}

void rms_norm_rotate_rows(const Rows& x, const float* weight, double eps, const float* cosines, const float* sines,
                          std::int64_t head_dim) {
  const std::int64_t pairs = head_dim / 2;
  for_each_row(x, [&](std::int64_t row) {
    rms_norm_rotate_row(row_of(x, row), weight, static_cast<float>(eps), x.width, cosines + row * pairs,
                        sines + row * pairs, pairs);
  });
}

}  // namespace sora
