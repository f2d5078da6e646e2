// The transformer calls of a recorded pipeline run, and a denoiser held against them.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sora/model.h"
#include "sora/weights.h"

namespace sora::test {

using Tensors = std::map<std::string, at::Tensor>;

/// What ref/<run>.safetensors keeps.
Tensors recorded_run(const std::string& run);

/// The denoiser that `make` makes of a transformer's folder: it takes every tensor there.
using MakeDenoiserFn = std::function<std::unique_ptr<Denoiser>(JsonObject json, const Weights& weights)>;
std::unique_ptr<Denoiser> load_denoiser(const std::filesystem::path& folder, const MakeDenoiserFn& make,
                                        at::ScalarType dtype);

/// What the transformer is told in a call: the prompt of call 0 or the negative prompt of call 1, and what both have in
/// common.
Context recorded_context(const Tensors& recorded, int call);

/// All recorded calls, of which call n is made with contexts[n % contexts.size()]; no fewer than `least`. In fp32 to a
/// relative L2 of 1e-5, in bf16 to 2e-2 and a cosine above 0.999.
void expect_calls(const std::string& run, const Tensors& recorded, Denoiser& denoiser,
                  const std::vector<Context>& contexts, int least);
void expect_call(const std::string& name, const at::Tensor& actual, const at::Tensor& expected);

/// All inner values of the first call that are recorded and that we have too, each to 1e-5; no fewer than `least`.
void expect_layers(const std::string& run, const Tensors& recorded, Denoiser& denoiser, const Context& context,
                   int least);

}  // namespace sora::test
