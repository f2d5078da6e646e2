// AutoencoderKLWan from the inside: convolutions and norm against ATen, the decoder's levels against diffusers, pieces
// of any length, what a stream remembers; and what its config may be.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include "architecture/wan_vae.h"
#include "networks/wan_vae_coders.h"
#include "networks/wan_vae_tiling.h"
#include "nn/pixel_norm.h"
#include "nn/scratch.h"
#include "nn/trace.h"
#include "nn/winograd.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::expect_close;

constexpr double kLayer = 1e-5, kNetwork = 1e-5, kSame = 1e-6;

WanVaeConfig config_of(const std::string& model) {
  return read_wan_vae_config(Checkpoint(test::data("models/" + model)).config("vae"));
}

template <class Coder>
Coder load(const std::string& model) {
  WeightFiles files(Checkpoint(test::data("models/" + model)).headers("vae"), at::kCPU, at::kFloat);
  return Coder(config_of(model), files.root());
}

Tensor decode_in_pieces(const WanVaeDecoder& decoder, const Tensor& z, const std::vector<std::int64_t>& pieces) {
  Scratch scratch;
  Stream stream = decoder.begin_stream(scratch);
  std::vector<Tensor> frames;
  std::int64_t first = 0;
  for (const std::int64_t count : pieces) {
    frames.push_back(decoder(z.narrow(0, first, count), stream).clone());
    first += count;
  }
  return at::cat(frames);
}

struct ConvCase {
  std::int64_t in, out, frames, height, width;
};

// Channels that fill no vector and sizes that fill no tile; the last two have filters large enough for small tiles.
const ConvCase kConvCases[] = {{3, 5, 1, 1, 1},     {16, 16, 2, 8, 8},  {20, 3, 3, 7, 10},  {33, 17, 5, 9, 6},
                               {96, 48, 4, 12, 20}, {128, 96, 3, 4, 5}, {520, 512, 3, 5, 7}};

TEST(Winograd, EqualsADirectConvolutionOverTime) {
  for (const ConvCase& c : kConvCases) {
    const Tensor x = at::randn({c.frames + 2, c.height, c.width, c.in}), bias = at::randn({c.out});
    const Tensor weight = at::randn({c.out, c.in, 3, 3, 3}), residual = at::randn({c.frames, c.height, c.width, c.out});
    WinogradConv::Input input;
    for (std::int64_t t = 0; t < c.frames + 2; ++t) input.frames.push_back(x.select(0, t).const_data_ptr<float>());
    input.height = c.height;
    input.width = c.width;
    Tensor out = at::full_like(residual, 1e9);
    Scratch scratch;
    WinogradConv(weight, bias, input.height * input.width)(input, residual, out, scratch);
    const Tensor direct = at::conv3d(x.permute({3, 0, 1, 2}).unsqueeze(0).to(at::kDouble), weight.to(at::kDouble),
                                     bias.to(at::kDouble), 1, at::IntArrayRef{0, 1, 1});
    expect_close(fmt::format("{} to {} channels", c.in, c.out), out, direct.squeeze(0).permute({1, 2, 3, 0}) + residual,
                 kLayer);
  }
}

TEST(Winograd, EqualsADirectConvolutionOfDoubledPictures) {
  for (const ConvCase& c : kConvCases) {
    const Tensor x = at::randn({c.frames, c.height, c.width, c.in}), bias = at::randn({c.out});
    const Tensor weight = at::randn({c.out, c.in, 3, 3});
    WinogradConv::Input input;
    for (std::int64_t t = 0; t < c.frames; ++t) input.frames.push_back(x.select(0, t).const_data_ptr<float>());
    input.height = 2 * c.height;
    input.width = 2 * c.width;
    input.doubled = true;
    Tensor out = at::full({c.frames, 2 * c.height, 2 * c.width, c.out}, 1e9);
    Scratch scratch;
    WinogradConv(weight, bias, input.height * input.width)(input, {}, out, scratch);
    const Tensor doubled = at::upsample_nearest2d(x.permute({0, 3, 1, 2}).to(at::kDouble), {2 * c.height, 2 * c.width});
    const Tensor direct = at::conv2d(doubled, weight.to(at::kDouble), bias.to(at::kDouble), 1, 1);
    expect_close(fmt::format("{} to {} channels", c.in, c.out), out, direct.permute({0, 2, 3, 1}), kLayer);
  }
}

TEST(Winograd, DoesNotDependOnTheNumberOfThreads) {
  const Tensor x = at::randn({6, 20, 24, 16}), weight = at::randn({16, 16, 3, 3, 3}), bias = at::randn({16});
  const WinogradConv conv(weight, bias, 20 * 24);
  WinogradConv::Input input;
  for (std::int64_t t = 0; t < 6; ++t) input.frames.push_back(x.select(0, t).const_data_ptr<float>());
  input.height = 20;
  input.width = 24;
  const int threads = at::get_num_threads();
  std::vector<Tensor> results;
  for (const int count : {1, 2, 3}) {
    at::set_num_threads(count);
    Scratch scratch;
    conv(input, {}, results.emplace_back(at::empty({4, 20, 24, 16})), scratch);
  }
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(results[0], results[1]));
  EXPECT_TRUE(at::equal(results[0], results[2]));
}

TEST(PixelNorm, EqualsAten) {
  for (const std::int64_t channels : {1, 3, 8, 20, 96}) {
    const Tensor x = at::randn({2, 3, 5, channels}) * 4, gamma = at::randn({channels});
    const Tensor exact = x.to(at::kDouble);
    const Tensor normed = exact / at::linalg_vector_norm(exact, 2, at::IntArrayRef(-1), true) *
                          std::sqrt(static_cast<double>(channels)) * gamma;
    Tensor out = at::empty_like(x);
    normalize_pixels(x, gamma, Activation::none, out);
    expect_close("alone", out, normed, kSame);
    normalize_pixels(x, gamma, Activation::silu, out);
    expect_close("with SiLU", out, at::silu(normed), kSame);
    Tensor in_place = x.clone();
    normalize_pixels(in_place, gamma, Activation::silu, in_place);
    EXPECT_TRUE(at::equal(in_place, out));
  }
}

TEST(PixelNorm, ExtremesNeitherOverflowNorHide) {
  const Tensor gamma = at::tensor({-1000.0, 1000.0}).to(at::kFloat);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Tensor out = at::tensor({0.0F, 0.0F, 1.0F, 1.0F, nan, 1.0F}).view({3, 2});
  normalize_pixels(out, gamma, Activation::silu, out);
  EXPECT_TRUE(at::equal(out[0], at::zeros({2})));
  EXPECT_TRUE(at::allclose(out[1], at::tensor({0.0, 1000.0}).to(at::kFloat))) << out;
  EXPECT_TRUE(out[2].isnan().any().item<bool>()) << out;
}

TEST(Scratch, MemoryIsUsedAgainOnceItIsFree) {
  Scratch scratch;
  const Tensor like = at::empty({0});
  std::optional<Tensor> first = scratch.empty({4, 6}, like);
  const void* memory = first->data_ptr();
  Tensor second = scratch.empty({24}, like);
  EXPECT_NE(second.data_ptr(), memory);
  std::optional<Tensor> view = first->select(0, 3);
  first.reset();
  EXPECT_NE(scratch.empty({24}, like).data_ptr(), memory) << "a view still shares it";
  view.reset();
  EXPECT_EQ(scratch.empty({2, 3}, like).data_ptr(), memory);
}

class Decoder : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Decoder, LevelsEqualTheReference) {
  const auto [model, run] = GetParam();
  const auto reference = test::read_tensors(test::data(fmt::format("ref/{}/{}.safetensors", model, run)));
  const auto decoder = load<WanVaeDecoder>(model);
  const Tensor z = reference.at("vae.decode.0.in").squeeze(0).permute({1, 2, 3, 0});
  Scratch scratch;
  Stream stream = decoder.begin_stream(scratch);
  int compared = 0;
  for (std::int64_t chunk = 0; chunk < z.size(0); ++chunk) {
    const TraceScope scope([&](std::string_view name, const Tensor& value) {
      const auto found = reference.find(
          fmt::format("vae.decode.0.chunk{}.{}", chunk, name.substr(std::string_view("decoder.").size())));
      if (found == reference.end()) return;
      expect_close(found->first, value.permute({3, 0, 1, 2}).unsqueeze(0), found->second, kNetwork);
      ++compared;
    });
    decoder(z.narrow(0, chunk, 1), stream);
  }
  EXPECT_GE(compared, 7);
}

TEST_P(Decoder, PiecesOfAnyLengthGiveTheSame) {
  const std::string model = GetParam().first;
  const auto decoder = load<WanVaeDecoder>(model);
  const Tensor z = at::randn({5, 3, 2, config_of(model).z_dim});
  const Tensor one_by_one = decode_in_pieces(decoder, z, {1, 1, 1, 1, 1});
  EXPECT_EQ(one_by_one.size(0), 17);
  expect_close("two at a time", decode_in_pieces(decoder, z, {2, 2, 1}), one_by_one, kNetwork);
  expect_close("one and four", decode_in_pieces(decoder, z, {1, 4}), one_by_one, kNetwork);
  expect_close("all at once", decode_in_pieces(decoder, z, {5}), one_by_one, kNetwork);
}

TEST_P(Decoder, MemoryDoesNotGrowWithTheVideo) {
  const auto decoder = load<WanVaeDecoder>(GetParam().first);
  const Tensor z = at::randn({1, 3, 2, config_of(GetParam().first).z_dim});
  Scratch scratch;
  Stream stream = decoder.begin_stream(scratch);
  EXPECT_TRUE(stream.at_beginning());
  decoder(z, stream);
  EXPECT_FALSE(stream.at_beginning());
  const std::int64_t after_one = stream.memory_bytes();
  EXPECT_GT(after_one, 0);
  for (int i = 0; i < 6; ++i) decoder(z, stream);
  EXPECT_EQ(stream.memory_bytes(), after_one);
}

// The pixels are the same, and nothing is remembered of them.
TEST_P(Decoder, TheLastPieceIsNotRemembered) {
  const auto decoder = load<WanVaeDecoder>(GetParam().first);
  const Tensor z = at::randn({3, 3, 2, config_of(GetParam().first).z_dim});
  const Tensor expected = decode_in_pieces(decoder, z, {1, 2});
  Scratch scratch;
  Stream stream = decoder.begin_stream(scratch);
  const Tensor begin = decoder(z.narrow(0, 0, 1), stream).clone();
  stream.end();
  const Tensor end = decoder(z.narrow(0, 1, 2), stream);
  EXPECT_TRUE(at::equal(at::cat({begin, end}), expected));
  EXPECT_EQ(stream.memory_bytes(), 0);
}

TEST_P(Decoder, EncodesPiecesOfAnyLengthTheSame) {
  const std::string model = GetParam().first;
  const auto encoder = load<WanVaeEncoder>(model);
  const Tensor frames = at::randn({13, 16, 24, config_of(model).in_channels});
  const auto encode = [&](const std::vector<std::int64_t>& pieces) {
    Scratch scratch;
    Stream stream = encoder.begin_stream(scratch);
    std::vector<Tensor> latents;
    std::int64_t first = 0;
    for (const std::int64_t count : pieces) {
      latents.push_back(encoder(frames.narrow(0, first, count), stream).clone());
      first += count;
    }
    return at::cat(latents);
  };
  const Tensor by_four = encode({1, 4, 4, 4});
  EXPECT_EQ(by_four.size(0), 4);
  expect_close("eight at a time", encode({1, 8, 4}), by_four, kNetwork);
  expect_close("all at once", encode({13}), by_four, kNetwork);
}

INSTANTIATE_TEST_SUITE_P(BothGenerations, Decoder,
                         testing::Values(std::pair{"wan21_t2v", "fp32_unipc4"},
                                         std::pair{"wan22_ti2v", "fp32_t2v_unipc4"}));

TEST(TileGrid, BlendsOverlapsAndCrops) {
  // One row of three tiles of 4 cells, 3 apart, and an output as large as the input.
  const TileGrid grid{{1, 8}, {1, 4}, {1, 3}, {0, 1}, {1, 3}, {1, 8}};
  const Tensor x = at::arange(8).to(at::kFloat).view({1, 1, 8, 1});
  std::vector<Tensor> tiles;
  for (std::int64_t column = 0; column < grid.columns(); ++column) {
    tiles.push_back(grid.cut(x, 0, column) + 10 * static_cast<double>(column));
  }
  ASSERT_EQ(tiles.size(), 3);
  EXPECT_EQ(tiles[2].size(2), 2);
  const Tensor joined = grid.join(tiles).flatten();
  const Tensor expected = at::tensor({0, 1, 2, 3, 14, 15, 16, 27}).to(at::kFloat);
  EXPECT_TRUE(at::equal(joined, expected)) << joined;
}

WanVaeConfig config_from(const std::string& json) { return read_wan_vae_config({json, "config.json", Fault::input}); }

std::string config_error(const std::string& json) {
  return error_of(Fault::input, [&] { config_from(json); });
}

TEST(WanVaeConfig, AnEmptyConfigIsThatOfTheFirstGeneration) {
  const WanVaeConfig config = config_from("{}");
  EXPECT_EQ(config.base_dim, 96);
  EXPECT_EQ(config.decoder_base_dim, 96);
  EXPECT_EQ(config.latents_mean.front(), -0.7571);
  EXPECT_EQ(config.latents_std.back(), 1.916);
  EXPECT_EQ(config.patch_size, 1);
  EXPECT_FALSE(config.is_residual);
}

TEST(WanVaeConfig, ErrorsSayWhatWouldBeRight) {
  EXPECT_EQ(config_error(R"({"base_dim": 0})"), "config.json: key \"base_dim\": expected 1 to 4096, found 0");
  EXPECT_EQ(config_error(R"({"dim_mult": [1]})"), "config.json: key \"dim_mult\": expected 2 to 8 levels, found 1");
  EXPECT_EQ(config_error(R"({"temperal_downsample": [true]})"),
            "config.json: key \"temperal_downsample\": expected 3 values, one less than \"dim_mult\" has, found 1");
  EXPECT_EQ(config_error(R"({"z_dim": 2})"),
            "config.json: key \"latents_mean\": expected 2 values, one for each of \"z_dim\", found 16");
  EXPECT_EQ(config_error(R"({"z_dim": 1, "latents_mean": [0.5], "latents_std": [0]})"),
            "config.json: key \"latents_std\": expected numbers above 0, found 0");
  EXPECT_EQ(config_error(R"({"patch_size": 2})"),
            "config.json: key \"in_channels\": expected 12, the values of a 2x2 patch of RGB, found 3");
  EXPECT_EQ(config_error(R"({"scale_factor_temporal": 8})"),
            "config.json: key \"scale_factor_temporal\": expected 4, as \"temperal_downsample\" says, found 8");
  EXPECT_EQ(config_error(R"({"scale_factor_spatial": 16})"),
            "config.json: key \"scale_factor_spatial\": expected 8, as \"dim_mult\" and \"patch_size\" say, found 16");
  EXPECT_EQ(
      config_error(R"({"is_residual": true, "dim_mult": [1, 3, 4, 4]})"),
      "config.json: key \"dim_mult\": level 1 of the encoder averages 768 values into 288 channels, which leaves a "
      "rest");
  EXPECT_EQ(config_error(R"({"dropout": 0.1, "clip_output": true})"),
            "config.json: unknown key \"clip_output\"; this version does not know what it changes, so it will not "
            "ignore it");
}

TEST(WanVaeConfig, CostCountsTheDecodersTensors) {
  for (const char* model : {"wan21_t2v", "wan22_ti2v"}) {
    std::int64_t values = 0;
    for (const SafetensorsHeader& header : Checkpoint(test::data(fmt::format("models/{}", model))).headers("vae")) {
      for (const auto& [name, tensor] : header.tensors) {
        if (name.starts_with("decoder.") || name.starts_with("post_quant_conv.")) {
          values += (tensor.end - tensor.begin) / size_of(tensor.type);
        }
      }
    }
    EXPECT_EQ(wan_vae_decoder_cost(config_of(model)).parameters, values) << model;
  }
}

TEST(WanVaeConfig, CostOfTheRealDecoder) {
  const NetworkCost cost = wan_vae_decoder_cost(config_from("{}"));
  EXPECT_EQ(cost.parameters, 73295603);  // of diffusers' AutoencoderKLWan()
  EXPECT_NEAR(cost.flop_per_item, 8.4e6, 0.1e6);
  EXPECT_NEAR(cost.values_per_item, 879, 1);
}

}  // namespace
}  // namespace sora
