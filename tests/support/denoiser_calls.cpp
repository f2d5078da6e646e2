#include "support/denoiser_calls.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

#include "nn/trace.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora::test {
namespace {

constexpr double kLayer = 1e-5, kNetwork = 1e-5, kBf16 = 2e-2;
const std::string kFirstCall = "transformer.call0.";
// Steps that are part of a larger one here.
const std::set<std::string> kWithinOurLayers = {
    "block0.attn1.norm_q", "block0.norm1",  "block0.norm2", "block0.norm3",  "image_embedder", "norm_out",
    "text_embedder",       "time_embedder", "time_proj",    "timesteps_proj"};

// A prompt's padded rows as an embedding: the rows of zeros at the end are the padding.
TextEmbedding text_of(const Tensor& padded) {
  const std::int64_t tokens = padded.ne(0).any(2).sum().item<std::int64_t>();
  return {padded.narrow(1, 0, tokens), padded.size(1)};
}

Tensor tensor_or_none(const Tensors& recorded, const std::string& name) {
  const auto found = recorded.find(name);
  return found == recorded.end() ? Tensor() : found->second;
}

// Of two calls that get the same, only the first has it.
const Tensor& input_of(const Tensors& recorded, int call, const std::string& name) {
  const auto found = recorded.find(fmt::format("dit.{:03}.in.{}", call, name));
  return found == recorded.end() ? recorded.at(fmt::format("dit.{:03}.in.{}", call - 1, name)) : found->second;
}

// Recorded timesteps, one in all, one a frame or one a token, as one a latent frame.
Tensor by_frame(const Tensor& timesteps, std::int64_t latent_frames) {
  const Tensor recorded = timesteps.to(at::kFloat);
  return recorded.numel() == 1 ? recorded.expand({latent_frames}) : recorded.view({latent_frames, -1}).select(1, 0);
}

Tensor predict(const PredictFn& bound, const Tensors& recorded, int call) {
  const Tensor& latents = input_of(recorded, call, "hidden_states");
  return bound(latents, by_frame(input_of(recorded, call, "timestep"), latents.size(2)));
}

// `theirs` is in diffusers' layout, and has a row for each token of a timestep and for each row of padding. We have one
// for all.
void expect_layer(const std::string& what, const std::string& layer, const Tensor& ours, const Tensor& theirs) {
  if (layer.ends_with("patch_embedding")) {
    expect_close(what, ours, theirs.flatten(2).transpose(1, 2), kLayer);
  } else if (layer == "rope.0" || layer == "rope.1") {  // each angle is there twice
    expect_close(what, ours, theirs.flatten(0, 2).slice(1, layer == "rope.0" ? 0 : 1, std::nullopt, 2), kLayer);
  } else if (layer == "condition_embedder.0" || layer == "condition_embedder.1") {
    const Tensor expected = theirs.flatten(0, -2);
    expect_close(what, ours.expand_as(expected), expected, kLayer);
  } else if (layer == "condition_embedder.2") {
    expect_close(what, ours, theirs.narrow(1, 0, ours.size(1)), kLayer);
  } else {
    expect_close(what, ours, theirs, kLayer);
  }
}

// Ours go by the block's name, which the reference gives to a pair.
std::string tap_of(const std::string& layer) {
  if (!layer.starts_with("vace_block")) return layer;
  const std::string block = layer.substr(0, layer.size() - 2);
  return layer.ends_with(".0") ? block + ".hint" : block;
}

}  // namespace

Tensors recorded_run(const std::string& run) { return read_tensors(test::data("ref/" + run + ".safetensors")); }

std::unique_ptr<Denoiser> load_denoiser(const std::filesystem::path& folder, const MakeDenoiserFn& make,
                                        at::ScalarType dtype) {
  WeightFiles files(read_component_headers(folder, "diffusion_pytorch_model"), at::kCPU, dtype);
  JsonObject json = JsonObject::from_file(folder / "config.json");
  json.ignore({"_class_name", "_diffusers_version"});
  auto denoiser = make(std::move(json), files.root());
  files.finish();
  return denoiser;
}

Context recorded_context(const Tensors& recorded, int call) {
  Context context{text_of(recorded.at(fmt::format("dit.{:03}.in.encoder_hidden_states", call)))};
  context.image = tensor_or_none(recorded, "dit.000.in.encoder_hidden_states_image");
  context.control = tensor_or_none(recorded, "dit.000.in.control_hidden_states");
  if (const Tensor scales = tensor_or_none(recorded, "dit.000.in.control_hidden_states_scale"); scales.defined()) {
    for (std::int64_t i = 0; i < scales.numel(); ++i) context.control_scale.push_back(scales[i].item<double>());
  }
  return context;
}

void expect_call(const std::string& name, const Tensor& actual, const Tensor& expected) {
  EXPECT_EQ(actual.scalar_type(), expected.scalar_type()) << name;
  if (expected.scalar_type() == at::kFloat) return expect_close(name, actual, expected, kNetwork);
  expect_close(name, actual, expected, kBf16);
  const Tensor a = actual.to(at::kDouble).flatten(), b = expected.to(at::kDouble).flatten();
  EXPECT_GT(at::cosine_similarity(a, b, 0).item<double>(), 0.999) << name;
}

void expect_calls(const std::string& run, const Tensors& recorded, Denoiser& denoiser,
                  const std::vector<Context>& contexts, int least) {
  std::vector<PredictFn> bound;
  for (const Context& context : contexts) bound.push_back(denoiser.bind(context));
  int found = 0;
  for (const auto& [name, output] : recorded) {  // dit.000.out, dit.001.out ...
    if (!name.starts_with("dit.") || !name.ends_with(".out")) continue;
    const int call = std::stoi(name.substr(4));
    expect_call(run + " " + name, predict(bound[call % bound.size()], recorded, call), output);
    ++found;
  }
  EXPECT_GE(found, least) << run;
}

void expect_layers(const std::string& run, const Tensors& recorded, Denoiser& denoiser, const Context& context,
                   int least) {
  Tensors traced;
  {
    const TraceScope scope(
        [&](std::string_view tap, const Tensor& value) { traced[std::string(tap)] = value.clone(); });
    predict(denoiser.bind(context), recorded, 0);
  }
  int found = 0;
  for (const auto& [name, tensor] : recorded) {
    if (!name.starts_with(kFirstCall)) continue;
    const std::string layer = name.substr(kFirstCall.size());
    if (kWithinOurLayers.contains(layer)) continue;
    const auto ours = traced.find(tap_of(layer));
    ASSERT_NE(ours, traced.end()) << layer;
    expect_layer(run + " " + layer, layer, ours->second, tensor);
    ++found;
  }
  EXPECT_GE(found, least) << run;
}

void expect_run(const std::string& run, Denoiser& denoiser, int layers, int calls,
                const std::function<void(Context&)>& tell) {
  const Tensors recorded = recorded_run(run);
  std::vector<Context> contexts = {recorded_context(recorded, 0), recorded_context(recorded, 1)};
  for (Context& context : contexts) tell(context);
  expect_layers(run, recorded, denoiser, contexts[0], layers);
  expect_calls(run, recorded, denoiser, contexts, calls);
}

}  // namespace sora::test
