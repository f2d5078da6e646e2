#include "jobs/components.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>

#include "families/registry.h"
#include "networks/networks.h"
#include "schedulers/schedulers.h"

namespace sora {
namespace {

// Builds one component out of its files: `make` takes every tensor, or finish() says which it did not.
template <class Make>
auto load_component(const Checkpoint& checkpoint, std::string_view component, const Target& target, LoadedFn loaded,
                    Make make) {
  WeightFiles files(checkpoint.headers(component), target.device, target.dtype, std::move(loaded));
  auto made = make(checkpoint.config(component), files.root());
  files.finish();
  return made;
}

LoadedFn report(Progress& progress, Stage stage) {
  return [&progress, stage](std::int64_t done, std::int64_t total) { progress.update(stage, done, total); };
}

std::unique_ptr<Denoiser> load_network(const Checkpoint& checkpoint, const std::string& component, const Target& target,
                                       BlockWeights place, LoadedFn loaded) {
  const auto load = [&](auto read, auto make) {
    return load_component(
        checkpoint, component, target, std::move(loaded),
        [&](JsonObject json, const Weights& weights) { return make(read(std::move(json)), weights, place); });
  };
  switch (denoiser_class(checkpoint, component)) {
    case DenoiserClass::wan:
      return load(read_wan_transformer_config, make_wan_transformer);
    case DenoiserClass::wan_vace:
      return load(read_wan_vace_transformer_config, make_wan_vace_transformer);
    case DenoiserClass::skyreels_v2:
      return load(read_skyreels_v2_transformer_config, make_skyreels_v2_transformer);
  }
  fail(Fault::bug, "a denoiser class without a network");
}

std::unique_ptr<Vae> load_vae(const Checkpoint& checkpoint, const Target& target) {
  // The reference recommends fp32 for the VAE whatever the denoiser's type: bf16 shows as banding.
  switch (vae_class(checkpoint)) {
    case VaeClass::wan:
      return load_component(checkpoint, "vae", {target.device, at::kFloat}, {},
                            [](JsonObject json, const Weights& weights) {
                              return make_wan_vae(read_wan_vae_config(std::move(json)), weights);
                            });
  }
  fail(Fault::bug, "a VAE class without a network");
}

std::function<std::unique_ptr<Scheduler>(int)> load_scheduler(const Checkpoint& checkpoint) {
  switch (scheduler_class(checkpoint)) {
    case SchedulerClass::unipc:
      return
          [config = read_unipc_config(checkpoint.config("scheduler"))](int steps) { return make_unipc(config, steps); };
    case SchedulerClass::flow_match_euler:
      return [config = read_flow_match_euler_config(checkpoint.config("scheduler"))](int steps) {
        return make_flow_match_euler(config, steps);
      };
  }
  fail(Fault::bug, "a scheduler class without a scheduler");
}

}  // namespace

std::unique_ptr<TextEncoder> load_text_encoder(const Checkpoint& checkpoint, const Target& target, Progress& progress) {
  switch (text_encoder_class(checkpoint)) {
    case TextEncoderClass::t5:
    case TextEncoderClass::umt5:
      return load_component(checkpoint, "text_encoder", target, report(progress, Stage::load_text_encoder),
                            [](JsonObject json, const Weights& weights) {
                              return make_t5_encoder(read_t5_config(std::move(json)), weights);
                            });
  }
  fail(Fault::bug, "a text encoder class without a network");
}

std::unique_ptr<ImageEncoder> load_image_encoder(const Checkpoint& checkpoint, at::Device device) {
  switch (image_encoder_class(checkpoint)) {
    case ImageEncoderClass::clip_vision:
      return load_component(
          checkpoint, "image_encoder", {device, at::kFloat}, {}, [&](JsonObject json, const Weights& weights) {
            const ClipVisionConfig config = read_clip_vision_config(std::move(json));
            const auto processor = checkpoint.file("image_processor", "preprocessor_config.json");
            return make_clip_vision(config, read_clip_image_processor_config(JsonObject::from_file(processor), config),
                                    weights);
          });
  }
  fail(Fault::bug, "an image encoder class without a network");
}

Model load_model(const Checkpoint& checkpoint, const Target& target) {
  Model model;
  model.device = target.device;
  model.make_scheduler = load_scheduler(checkpoint);
  model.vae = load_vae(checkpoint, target);
  return model;
}

std::unique_ptr<Denoiser> load_denoiser(const Checkpoint& checkpoint, const Target& target, const Plan& plan,
                                        Progress& progress) {
  const BlockWeights place = plan.offload_blocks ? BlockWeights::offloaded : BlockWeights::resident;
  const auto loader = [&checkpoint, target, place, &progress](const std::string& component) -> DenoiserLoader {
    return [&checkpoint, target, place, &progress, component] {
      return load_network(checkpoint, component, target, place, report(progress, Stage::load_model));
    };
  };
  const std::optional<double> boundary = plan.guidance.boundary;
  return boundary ? make_expert_pair(loader("transformer"), loader("transformer_2"), *boundary, target.dtype)
                  : loader("transformer")();
}

}  // namespace sora
