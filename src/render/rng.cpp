#include "render/rng.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

namespace sora {

Rng::Rng(std::uint64_t seed) : generator_(at::make_generator<at::CPUGeneratorImpl>(seed)) {}

Tensor Rng::normal(at::IntArrayRef shape) { return at::randn(shape, generator_, at::kFloat); }

Tensor Rng::state() const { return generator_.get_state(); }

void Rng::set_state(const Tensor& bytes) { generator_.set_state(bytes); }

}  // namespace sora
