// AutoencoderKLWan against diffusers: layers, whole pictures, tiles, streams of any length, both directions.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "networks/networks.h"
#include "nn/trace.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::expect_close;
using test::read_tensors;

constexpr double kNetwork = 1e-5;

fs::path model(const std::string& name) { return test::data("models/" + name); }
fs::path tiny_world() { return fs::path(SORA_SOURCE_DIR) / "models/tiny-world"; }

WanVaeConfig config_of(const fs::path& checkpoint) { return read_wan_vae_config(Checkpoint(checkpoint).config("vae")); }

std::unique_ptr<Vae> load(const fs::path& folder) {
  const Checkpoint checkpoint(folder);
  WeightFiles files(checkpoint.headers("vae"), at::kCPU, at::kFloat);
  auto vae = make_wan_vae(config_of(folder), files.root());
  files.finish();
  return vae;
}

Tensor seeded(at::IntArrayRef shape) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(5), at::kFloat);
}

// The inverse of what decode does first: the reference's tensors are of the decoder itself.
Tensor normalized(const Tensor& z, const fs::path& checkpoint) {
  const WanVaeConfig config = config_of(checkpoint);
  const auto row = [](const std::vector<double>& values) {
    return at::tensor(values, at::kFloat).view({1, -1, 1, 1, 1});
  };
  return (z - row(config.latents_mean)) * at::reciprocal(row(config.latents_std));
}

struct Decoded {
  Tensor pixels;                     // [1, 3, T, H, W]
  std::vector<std::int64_t> counts;  // frames in each piece that was emitted
};

Decoded decode(const Vae& vae, const Tensor& latents, const std::optional<Tiling>& tiling = {}) {
  const c10::InferenceMode no_gradients;
  Decoded decoded;
  std::vector<Tensor> pieces;
  vae.begin_decoding(tiling)->decode(latents, Piece::last, [&](const Tensor& pixels) {
    pieces.push_back(pixels.clone());
    decoded.counts.push_back(pixels.size(2));
  });
  decoded.pixels = at::cat(pieces, 2);
  return decoded;
}

class RecordedRun : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(RecordedRun, DecodesTheSamePixels) {
  const auto [name, run] = GetParam();
  const auto reference = read_tensors(test::data(std::string("ref/") + name + "/" + run + ".safetensors"));
  const Tensor latents = normalized(reference.at("vae.decode.0.in"), model(name));
  expect_close("pixels", decode(*load(model(name)), latents).pixels, reference.at("vae.decode.0.out"), kNetwork);
}

INSTANTIATE_TEST_SUITE_P(Whole, RecordedRun,
                         testing::Values(std::pair{"wan21_t2v", "fp32_unipc4"}, std::pair{"wan21_t2v", "fp32_1frame"},
                                         std::pair{"wan22_ti2v", "fp32_t2v_unipc4"}));

TEST(Tiles, AreCutAndBlendedAsTheReferenceDoes) {
  const auto wan21 = read_tensors(test::data("ref/wan21_t2v/fp32_tiled.safetensors"));
  expect_close("wan21",
               decode(*load(model("wan21_t2v")), normalized(wan21.at("vae.decode.0.in"), model("wan21_t2v")),
                      Tiling{{32, 32}, {24, 24}})
                   .pixels,
               wan21.at("vae.decode.0.out"), kNetwork);
  const auto wan22 = read_tensors(test::data("ref/wan22_ti2v/fp32_i2v_tiled.safetensors"));
  const Tiling tiling{{32, 48}, {16, 32}};
  const auto vae = load(model("wan22_ti2v"));
  expect_close("wan22", decode(*vae, normalized(wan22.at("vae.decode.0.in"), model("wan22_ti2v")), tiling).pixels,
               wan22.at("vae.decode.0.out"), kNetwork);
  const Tensor mean = wan22.at("vae.encode.0.parameters").narrow(1, 0, 48);
  expect_close("wan22 encoded", vae->encode(wan22.at("vae.encode.0.in"), tiling), normalized(mean, model("wan22_ti2v")),
               kNetwork);
}

// The reference decodes one latent frame at a time; ours as many as pay. Thinned to every 16th pixel.
struct StreamCase {
  const char* name;
  fs::path checkpoint;
  std::vector<std::int64_t> shape;  // [T, H, W]
  std::vector<std::int64_t> counts;
};

TEST(Streams, GiveTheSameHoweverManyFramesAPass) {
  const auto reference = read_tensors(test::data("vae/streams.safetensors"));
  const std::vector<StreamCase> cases{
      {"wan21.frame_a_pass", model("wan21_t2v"), {3, 32, 32}, {1, 4, 4}},
      {"wan21.several_passes", model("wan21_t2v"), {30, 8, 6}, {81, 36}},
      {"wan22.frame_a_pass", model("wan22_ti2v"), {3, 32, 33}, {1, 4, 4}},
      {"wan22.one_pass", model("wan22_ti2v"), {4, 3, 5}, {13}},
      {"tiny_world.one_pass", tiny_world(), {3, 16, 16}, {9}},
  };
  for (const StreamCase& stream : cases) {
    const std::int64_t channels = config_of(stream.checkpoint).z_dim;
    const Tensor latents = seeded({1, channels, stream.shape[0], stream.shape[1], stream.shape[2]});
    const Decoded decoded = decode(*load(stream.checkpoint), latents);
    EXPECT_EQ(decoded.counts, stream.counts) << stream.name;
    expect_close(stream.name, decoded.pixels.slice(3, 0, {}, 16).slice(4, 0, {}, 16), reference.at(stream.name),
                 kNetwork);
  }
}

TEST(Streams, FramesLeaveBeforeTheRestIsDecoded) {
  const auto vae = load(model("wan21_t2v"));
  struct Enough {};
  int pieces = 0;
  const auto decoder = vae->begin_decoding({});
  EXPECT_THROW(decoder->decode(seeded({1, 16, 50, 32, 32}), Piece::last,
                               [&](const Tensor&) {
                                 if (++pieces == 2) throw Enough{};
                               }),
               Enough);
  EXPECT_EQ(pieces, 2);
}

TEST(Streams, GiveTheSameHoweverManyFramesACall) {
  const c10::InferenceMode no_gradients;
  for (const char* name : {"wan21_t2v", "wan22_ti2v"}) {
    const auto vae = load(model(name));
    const Tensor latents = seeded({1, config_of(model(name)).z_dim, 8, 6, 4});
    for (const auto& tiling : {std::optional<Tiling>(), std::optional<Tiling>({{32, 32}, {16, 16}})}) {
      const auto decoder = vae->begin_decoding(tiling);
      std::vector<Tensor> pieces;
      for (const auto& [first, count] : {std::pair(0, 1), {1, 4}, {5, 2}, {7, 1}}) {
        const Piece piece = first + count == latents.size(2) ? Piece::last : Piece::more_follow;
        decoder->decode(latents.narrow(2, first, count), piece,
                        [&](const Tensor& pixels) { pieces.push_back(pixels); });
      }
      expect_close(name, at::cat(pieces, 2), decode(*vae, latents, tiling).pixels, kNetwork);
    }
  }
}

TEST(Encode, GivesTheSameLatents) {
  const auto reference = read_tensors(test::data("vae/streams.safetensors"));
  const c10::InferenceMode no_gradients;
  expect_close("wan21", load(model("wan21_t2v"))->encode(seeded({1, 3, 13, 64, 48}).clamp(-1, 1), {}),
               reference.at("wan21.encoded"), kNetwork);
  expect_close("wan22", load(model("wan22_ti2v"))->encode(seeded({1, 3, 9, 64, 96}).clamp(-1, 1), {}),
               reference.at("wan22.encoded"), kNetwork);
}

TEST(Encode, GivesTheSameHoweverManyFramesACall) {
  const c10::InferenceMode no_gradients;
  for (const char* name : {"wan21_t2v", "wan22_ti2v"}) {
    const auto vae = load(model(name));
    const Tensor pixels = seeded({1, 3, 41, 48, 64}).clamp(-1, 1);
    for (const auto& tiling : {std::optional<Tiling>(), std::optional<Tiling>({{32, 32}, {16, 16}})}) {
      const auto encoder = vae->begin_encoding(tiling);
      std::vector<Tensor> latents;
      for (const auto& [first, count] : {std::pair(0, 1), {1, 4}, {5, 32}, {37, 4}}) {
        const Piece piece = first + count == pixels.size(2) ? Piece::last : Piece::more_follow;
        latents.push_back(encoder->encode(pixels.narrow(2, first, count), piece));
      }
      expect_close(name, at::cat(latents, 2), vae->encode(pixels, tiling), 1e-6);
    }
  }
}

TEST(Encode, TakesWholeLatentFrames) {
  const auto vae = load(model("wan21_t2v"));
  EXPECT_EQ(test::error_of(Fault::bug,
                           [&] {
                             vae->encode(seeded({1, 3, 4, 16, 16}), {});
                           }),
            "4 frames to encode: expected 1 + 4k");
  const auto encoder = vae->begin_encoding({});
  encoder->encode(seeded({1, 3, 1, 16, 16}), Piece::more_follow);
  EXPECT_EQ(test::error_of(Fault::bug,
                           [&] {
                             encoder->encode(seeded({1, 3, 5, 16, 16}), Piece::last);
                           }),
            "5 frames to encode: expected 4k");
  EXPECT_EQ(test::error_of(Fault::bug,
                           [&] {
                             vae->encode(seeded({1, 3, 5, 16, 20}), {});
                           }),
            "20x16 pixels to encode: expected multiples of 8");
}

TEST(Config, StatisticsMustFitTheLatents) {
  const test::TempDir folder;
  const fs::path file = folder / "config.json";
  std::string text = test::read_text(model("wan21_t2v") / "vae/config.json");
  const std::string key = "\"z_dim\": 16";
  text.replace(text.find(key), key.size(), "\"z_dim\": 12");
  test::write_file(file, text);
  EXPECT_THAT(test::error_of(Fault::input, [&] { read_wan_vae_config(JsonObject::from_file(file)); }),
              testing::AllOf(testing::HasSubstr(file.string()), testing::HasSubstr("latents_mean")));
}

}  // namespace
}  // namespace sora
