// From a prompt to its embedding, against transformers' UMT5EncoderModel and T5EncoderModel on tiny random checkpoints.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "architecture/t5.h"
#include "networks/networks.h"
#include "nn/trace.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"
#include "text/prompt_cleaning.h"
#include "text/tokenizer.h"

namespace sora {
namespace {

using test::error_of;
using test::expect_close;
using Tensors = std::map<std::string, at::Tensor>;
using Ids = std::vector<std::int64_t>;

constexpr double kLayerBar = 1e-5, kBf16Bar = 2e-2;

// The prompt and the negative prompt of all reference runs (scripts/references/tiny_tokenizers.py).
constexpr std::array kPrompts{"A cat and a dog  baking a cake together in a kitchen; the café is “warm” &amp; bright.",
                              "blurred details, static, worst quality"};

std::unique_ptr<TextEncoder> load(const std::filesystem::path& folder, at::ScalarType dtype) {
  const T5Config config = read_t5_config(JsonObject::from_file(folder / "config.json"));
  WeightFiles weights(read_component_headers(folder, "model"), at::kCPU, dtype);
  auto encoder = make_t5_encoder(config, weights.root());
  weights.finish();
  return encoder;
}

std::unique_ptr<TextEncoder> load_tiny(const std::string& model, at::ScalarType dtype) {
  return load(test::data("models/" + model) / "text_encoder", dtype);
}

Ids ids_of(const at::Tensor& ids) { return {ids.data_ptr<std::int64_t>(), ids.data_ptr<std::int64_t>() + ids.numel()}; }

// Ids of the real tokens of the prompt `name` ("text.0").
Ids real_ids(const Tensors& reference, const std::string& name) {
  const std::int64_t tokens = reference.at(name + ".attention_mask").sum().item<std::int64_t>();
  return ids_of(reference.at(name + ".input_ids").flatten().slice(0, 0, tokens).contiguous());
}

struct ReferenceRun {
  const char* model;
  const char* name;
  at::ScalarType dtype;
  int prompts;           // 2 where guidance needs the negative one
  bool pipeline = true;  // which cleans prompts; else the encoder alone
};
void PrintTo(const ReferenceRun& run, std::ostream* out) { *out << run.model << "/" << run.name; }

class TextEncoderParity : public ::testing::TestWithParam<ReferenceRun> {
 protected:
  const ReferenceRun& run() const { return GetParam(); }
  const Tensors reference_ =
      test::read_tensors(test::data(std::string("ref/") + run().model + "/" + run().name + ".safetensors"));
};

TEST_P(TextEncoderParity, TokensEqual) {
  const std::filesystem::path folder = test::data(std::string("models/") + run().model);
  const Tokenizer tokenizer = run().pipeline
                                  ? Tokenizer(Checkpoint(folder))
                                  : Tokenizer(read_spiece_model(folder / "tokenizer/spiece.model"),
                                              JsonObject::from_file(folder / "tokenizer/tokenizer_config.json"));
  for (int i = 0; i < run().prompts; ++i) {
    const std::string name = "text." + std::to_string(i);
    const auto length = static_cast<int>(reference_.at(name + ".input_ids").size(1));
    const std::string prompt = run().pipeline ? clean_prompt(kPrompts.at(i)) : kPrompts.at(i);
    EXPECT_EQ(tokenizer.encode(prompt, length).ids, real_ids(reference_, name)) << name;
  }
}

TEST_P(TextEncoderParity, LayersAndStatesEqual) {
  const auto encoder = load_tiny(run().model, run().dtype);
  const double bar = run().dtype == at::kFloat ? kLayerBar : kBf16Bar;
  for (int i = 0; i < run().prompts; ++i) {
    const std::string name = "text." + std::to_string(i);
    const Ids ids = real_ids(reference_, name);
    const auto real_rows = [&](const at::Tensor& padded) {
      return padded.slice(1, 0, static_cast<std::int64_t>(ids.size()));
    };
    int layers = 0;
    const TraceScope scope([&](std::string_view tap, const at::Tensor& value) {
      ASSERT_TRUE(tap.starts_with("text."));
      const auto expected = reference_.find(name + std::string(tap.substr(4)));
      if (expected == reference_.end()) return;
      expect_close(expected->first, value, real_rows(expected->second), bar);
      ++layers;
    });
    const std::int64_t padded_length = reference_.at(name + ".input_ids").size(1);
    const TextEmbedding embedding = encoder->encode({ids}, padded_length).at(0);
    expect_close(name, embedding.states, real_rows(reference_.at(name + ".last_hidden_state")), bar);
    EXPECT_EQ(embedding.states.scalar_type(), run().dtype);
    EXPECT_EQ(embedding.padded_length, padded_length);
    EXPECT_EQ(layers, static_cast<int>(std::count_if(reference_.begin(), reference_.end(), [&](const auto& tensor) {
                return tensor.first.starts_with(name + ".block");
              })));
  }
}

INSTANTIATE_TEST_SUITE_P(All, TextEncoderParity,
                         ::testing::Values(ReferenceRun{"wan21_t2v", "fp32_unipc4", at::kFloat, 2},
                                           ReferenceRun{"wan21_t2v", "fp32_unipc3_nocfg", at::kFloat, 1},
                                           ReferenceRun{"wan21_t2v", "bf16_unipc4", at::kBFloat16, 2},
                                           ReferenceRun{"wan22_ti2v", "fp32_t2v_unipc4", at::kFloat, 2},
                                           ReferenceRun{"t5_encoder", "fp32_prompt", at::kFloat, 1, false}));

// 300 tokens: distances in every bucket, and beyond the last.
TEST(TextEncoder, EqualsTheReferenceOnLongPrompts) {
  const Tensors reference = test::read_tensors(test::data("text/long_prompt.safetensors"));
  for (const std::string model : {"wan21_t2v", "t5_encoder"}) {
    const at::Tensor& expected = reference.at(model + ".last_hidden_state");
    const Ids ids = ids_of(reference.at(model + ".ids"));
    expect_close(model, load_tiny(model, at::kFloat)->encode({ids}, 512).at(0).states, expected, kLayerBar);
  }
}

TEST(TextEncoder, DoesNotDependOnThePadding) {
  const auto encoder = load_tiny("wan21_t2v", at::kFloat);
  EXPECT_TRUE(at::equal(encoder->encode({{5, 6, 1}}, 3)[0].states, encoder->encode({{5, 6, 1}}, 512)[0].states));
}

TEST(TextEncoder, DoesNotDependOnTheOtherPrompts) {
  const auto encoder = load_tiny("t5_encoder", at::kFloat);
  const std::vector<Ids> prompts{{5, 6, 1}, {7, 1}, {8, 9, 10, 11, 1}};
  const std::vector<TextEmbedding> together = encoder->encode(prompts, 16);
  ASSERT_EQ(together.size(), prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_TRUE(at::equal(together[i].states, encoder->encode({prompts[i]}, 16)[0].states)) << i;
    EXPECT_EQ(together[i].padded_length, 16);
  }
}

// In fp32 out of a bf16 file, the numbers are those of the file.
TEST(TextEncoder, ConvertsAStoredTypeExactly) {
  const test::TempDir temp;
  const std::filesystem::path source = test::data("models/t5_encoder") / "text_encoder";
  Tensors half = test::read_tensors(source / "model.safetensors"), wide;
  for (auto& [name, tensor] : half) {
    tensor = tensor.to(at::kBFloat16);
    wide[name] = tensor.to(at::kFloat);
  }
  for (const auto& [folder, tensors] : {std::pair("half", &half), {"wide", &wide}}) {
    test::write_tensors(temp / folder / "model.safetensors", *tensors);
    std::filesystem::copy_file(source / "config.json", temp / folder / "config.json");
  }
  EXPECT_TRUE(at::equal(load(temp / "half", at::kFloat)->encode({{5, 6, 7, 1}}, 4)[0].states,
                        load(temp / "wide", at::kFloat)->encode({{5, 6, 7, 1}}, 4)[0].states));
}

TEST(TextEncoder, RefusesIdsThatItHasNoRowFor) {
  const auto encoder = load_tiny("wan21_t2v", at::kFloat);
  EXPECT_EQ(encoder->encode({{703, 1}}, 2)[0].states.size(1), 2);
  EXPECT_EQ(
      error_of(Fault::input,
               [&] {
                 encoder->encode({{704, 1}}, 2);
               }),
      "The tokenizer gives the id 704, but the text encoder has only 704 (vocab_size). They are not of one model.");
}

// Old exports hold the embedding twice.
TEST(TextEncoder, IgnoresTheTiedCopyOfTheEmbedding) {
  const test::TempDir temp;
  const std::filesystem::path source = test::data("models/t5_encoder") / "text_encoder";
  Tensors tensors = test::read_tensors(source / "model.safetensors");
  tensors["encoder.embed_tokens.weight"] = tensors.at("shared.weight");
  test::write_tensors(temp / "model.safetensors", tensors);
  std::filesystem::copy_file(source / "config.json", temp / "config.json");
  EXPECT_TRUE(at::equal(load(temp.path(), at::kFloat)->encode({{5, 1}}, 2)[0].states,
                        load_tiny("t5_encoder", at::kFloat)->encode({{5, 1}}, 2)[0].states));
}

}  // namespace
}  // namespace sora
