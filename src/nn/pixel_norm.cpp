// WanRMS_norm and SiLU in one pass.
#include "nn/pixel_norm.h"

#include <ATen/Parallel.h>
#include <ATen/ops/div.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/silu.h>

#include <algorithm>
#include <cmath>

#include "nn/simd.h"

namespace sora {
namespace {

constexpr float kSmallestNorm = 1e-12F;
constexpr std::int64_t kFloatsPerTask = 1 << 14;

template <Activation activation>
SORA_SIMD_INLINE void normalize_rows(const float* x, const float* gamma, std::int64_t rows, std::int64_t channels,
                                     float* out) {
  const float root = std::sqrt(static_cast<float>(channels));
  for (std::int64_t row = 0; row < rows; ++row, x += channels, out += channels) {
    Vec squares{};
    for_lanes(channels, [&](std::int64_t c, const auto& lanes) SORA_SIMD_LAMBDA {
      Vec v;
      lanes.load(v, x + c);
      squares += v * v;
    });
    float sum = 0;
    for (std::int64_t lane = 0; lane < kLanes; ++lane) sum += squares[lane];
    const float norm = std::sqrt(sum);
    const float scale = root / (norm > kSmallestNorm ? norm : kSmallestNorm);
    for_lanes(channels, [&](std::int64_t c, const auto& lanes) SORA_SIMD_LAMBDA {
      Vec v, gain;
      lanes.load(v, x + c);
      lanes.load(gain, gamma + c);
      v = v * scale * gain;
      if constexpr (activation == Activation::silu) {
        Vec e = -v;
        exponentiate(e);
        v = v / (1.0F + e);
      }
      lanes.store(v, out + c);
    });
  }
}

SORA_SIMD_CLONES void normalize(const float* x, const float* gamma, std::int64_t rows, std::int64_t channels,
                                float* out) {
  normalize_rows<Activation::none>(x, gamma, rows, channels, out);
}
SORA_SIMD_CLONES void normalize_silu(const float* x, const float* gamma, std::int64_t rows, std::int64_t channels,
                                     float* out) {
  normalize_rows<Activation::silu>(x, gamma, rows, channels, out);
}

}  // namespace

void normalize_pixels(const Tensor& x, const Tensor& gamma, Activation activation, Tensor& out) {
  const std::int64_t channels = x.size(-1);
  if (!x.is_cpu()) {
    const Tensor norms = at::linalg_vector_norm(x, 2, at::IntArrayRef(-1), /*keepdim=*/true).clamp_min_(kSmallestNorm);
    at::div_out(out, x, norms);
    out.mul_(at::mul(gamma, std::sqrt(static_cast<double>(channels))));
    if (activation == Activation::silu) at::silu_(out);
    return;
  }
  const float* from = x.const_data_ptr<float>();
  const float* gains = gamma.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  const auto normalize_fn = activation == Activation::silu ? normalize_silu : normalize;
  at::parallel_for(0, x.numel() / channels, std::max<std::int64_t>(1, kFloatsPerTask / channels),
                   [&](std::int64_t begin, std::int64_t end) {
                     normalize_fn(from + begin * channels, gains, end - begin, channels, to + begin * channels);
                   });
}

}  // namespace sora
