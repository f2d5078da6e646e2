// Vectors of eight floats that compile for every CPU, and functions that are compiled once more for AVX2.
#pragma once

#include <cstdint>
#include <cstring>

// A sanitizer's run time is not yet up when the loader asks which clone to take.
#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__SANITIZE_ADDRESS__)
/// The function and all that is inlined into it exist twice; the loader picks the one that this CPU can run.
#define SORA_SIMD_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define SORA_SIMD_CLONES
#endif
/// What such a function calls must be inlined, or it is compiled for the oldest CPU only.
#define SORA_SIMD_INLINE SORA_SIMD_LAMBDA inline
#define SORA_SIMD_LAMBDA __attribute__((always_inline))

namespace sora {

constexpr std::int64_t kLanes = 8;
using Vec = float __attribute__((vector_size(kLanes * sizeof(float))));
/// The same anywhere in memory. (GCC turns a memcpy into two halves, which the next load has to wait for.)
using LooseVec = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(alignof(float)), may_alias));
using IntVec = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

// Vectors go by reference: how they are passed by value depends on what the caller is compiled for.

/// How the last values of a run are read and written: the first `count` lanes, or all of them.
struct SomeLanes {
  std::int64_t count;
  SORA_SIMD_INLINE void load(Vec& v, const float* from) const {
    v = Vec{};
    for (std::int64_t i = 0; i < count; ++i) v[i] = from[i];
  }
  SORA_SIMD_INLINE void store(const Vec& v, float* to) const {
    for (std::int64_t i = 0; i < count; ++i) to[i] = v[i];
  }
};
struct AllLanes {
  SORA_SIMD_INLINE void load(Vec& v, const float* from) const { v = *reinterpret_cast<const LooseVec*>(from); }
  SORA_SIMD_INLINE void store(const Vec& v, float* to) const { *reinterpret_cast<LooseVec*>(to) = v; }
};

/// Calls step(first, lanes) for every run of kLanes among `count` values, the last one shorter.
template <class Step>
SORA_SIMD_INLINE void for_lanes(std::int64_t count, const Step& step) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) step(i, AllLanes{});
  if (i < count) step(i, SomeLanes{count - i});
}

/// v = e^v to 2 units in the last place (Cephes' expf): 2^n · e^r with |r| <= ln(2) / 2.
SORA_SIMD_INLINE void exponentiate(Vec& v) {
  v = v > 88.0F ? Vec{} + 88.0F : v;
  v = v < -87.0F ? Vec{} - 87.0F : v;
  constexpr float kRounder = 12582912.0F;  // 1.5 · 2^23: adding it rounds to an integer
  const Vec n = (v * 1.44269504F + kRounder) - kRounder;
  const Vec r = v - n * 0.693359375F + n * 2.12194440e-4F;
  Vec sum = r * 1.9875691500e-4F + 1.3981999507e-3F;
  sum = sum * r + 8.3334519073e-3F;
  sum = sum * r + 4.1665795894e-2F;
  sum = sum * r + 1.6666665459e-1F;
  sum = sum * r + 5.0000001201e-1F;
  sum = sum * r * r + r + 1.0F;
  const IntVec exponent = (__builtin_convertvector(n, IntVec) + 127) << 23;
  Vec power;
  std::memcpy(&power, &exponent, sizeof(power));
  v = sum * power;
}

}  // namespace sora
