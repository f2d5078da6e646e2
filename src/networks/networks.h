// The networks as factory functions; each is one file of this folder. The weights are taken from `weights`; the caller
// finishes them.
#pragma once

#include <functional>
#include <memory>

#include "architecture/clip_vision.h"
#include "architecture/skyreels_v2_transformer.h"
#include "architecture/t5.h"
#include "architecture/wan_transformer.h"
#include "architecture/wan_vace_transformer.h"
#include "architecture/wan_vae.h"
#include "nn/block_fetcher.h"
#include "sora/model.h"

namespace sora {

/// T5EncoderModel and UMT5EncoderModel.
std::unique_ptr<TextEncoder> make_t5_encoder(const T5Config& config, const Weights& weights);

/// WanTransformer3DModel: Wan 2.1, one expert of 2.2 A14B, 2.2 TI2V, for text or images to video.
std::unique_ptr<Denoiser> make_wan_transformer(const WanTransformerConfig& config, const Weights& weights,
                                               BlockWeights place);

/// WanVACETransformer3DModel.
std::unique_ptr<Denoiser> make_wan_vace_transformer(const WanVaceTransformerConfig& config, const Weights& weights,
                                                    BlockWeights place);

/// SkyReelsV2Transformer3DModel, for diffusion forcing or not.
std::unique_ptr<Denoiser> make_skyreels_v2_transformer(const SkyReelsV2TransformerConfig& config,
                                                       const Weights& weights, BlockWeights place);

/// AutoencoderKLWan, both generations.
std::unique_ptr<Vae> make_wan_vae(const WanVaeConfig& config, const Weights& weights);

/// Two denoisers that share a schedule (Wan 2.2 A14B): `high` at timesteps >= boundary, `low` below. Only the expert in
/// use is loaded; the other is dropped first.
using DenoiserLoader = std::function<std::unique_ptr<Denoiser>()>;
std::unique_ptr<Denoiser> make_expert_pair(DenoiserLoader high, DenoiserLoader low, double boundary,
                                           at::ScalarType dtype);

/// CLIPVisionModel and CLIPVisionModelWithProjection, with their preprocessing: the states before the last layer.
std::unique_ptr<ImageEncoder> make_clip_vision(const ClipVisionConfig& config,
                                               const ClipImageProcessorConfig& processor, const Weights& weights);

}  // namespace sora
