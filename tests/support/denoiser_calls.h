// The transformer calls of a recorded pipeline run, and a denoiser held against them.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nn/block_fetcher.h"
#include "sora/model.h"
#include "sora/weights.h"
#include "support/errors.h"

namespace sora::test {

using Tensors = std::map<std::string, at::Tensor>;

/// What ref/<run>.safetensors keeps.
Tensors recorded_run(const std::string& run);

/// The denoiser that `make` makes of a transformer's folder: it takes every tensor there.
using MakeDenoiserFn = std::function<std::unique_ptr<Denoiser>(JsonObject json, const Weights& weights)>;
std::unique_ptr<Denoiser> load_denoiser(const std::filesystem::path& folder, const MakeDenoiserFn& make,
                                        at::ScalarType dtype);

/// A class of denoisers: how its config is read and how it is made of weights.
template <class Config>
struct DenoiserKind {
  Config (*read)(JsonObject json);
  std::unique_ptr<Denoiser> (*make)(const Config& config, const Weights& weights, BlockWeights place);

  std::unique_ptr<Denoiser> load(const std::filesystem::path& folder, at::ScalarType dtype = at::kFloat,
                                 BlockWeights place = BlockWeights::resident) const {
    const auto build = [&](JsonObject json, const Weights& weights) {
      return make(read(std::move(json)), weights, place);
    };
    return load_denoiser(folder, build, dtype);
  }
  /// Of a config.json with these members.
  Config config_of(const std::string& members) const {
    return read({"{" + members + "}", "config.json", Fault::input});
  }
  std::string config_error(const std::string& members) const {
    return error_of(Fault::input, [&] { config_of(members); });
  }
};

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

/// With its blocks off-loaded, a denoiser predicts the same bytes: of the prompt, of the negative one, and again.
template <class Kind>
void expect_same_offloaded(const Kind& kind, const std::filesystem::path& folder, const std::vector<Context>& contexts,
                           const at::Tensor& latents, const at::Tensor& timesteps) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const auto resident = kind.load(folder, dtype), offloaded = kind.load(folder, dtype, BlockWeights::offloaded);
    std::vector<PredictFn> expected, actual;
    for (const Context& context : contexts) {
      expected.push_back(resident->bind(context));
      actual.push_back(offloaded->bind(context));
    }
    for (int step = 0; step < 2; ++step) {
      for (std::size_t i = 0; i < contexts.size(); ++i) {
        EXPECT_TRUE(at::equal(actual[i](latents, timesteps), expected[i](latents, timesteps))) << dtype << ", " << i;
      }
    }
  }
}

/// Both for a run with guidance; `tell` adds to its contexts what is not recorded.
void expect_run(
    const std::string& run, Denoiser& denoiser, int layers, int calls,
    const std::function<void(Context&)>& tell = [](Context&) {});

}  // namespace sora::test
